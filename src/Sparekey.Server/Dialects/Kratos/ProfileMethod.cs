using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Accounts;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Changes a person's traits: what they are called and reached by, where their schema says so, and everything else.</summary>
/// <param name="accounts">Their account.</param>
/// <param name="change">Changes it.</param>
internal sealed class ProfileMethod(ReadOwnAccount accounts, ChangeOwnProfile change)
{
    /// <summary>Changes the traits.</summary>
    /// <param name="attempt">The submission.</param>
    public async Task<SettingsOutcome> Run(SettingsTry attempt)
    {
        var (context, person) = (attempt.Context, attempt.Person);
        if (await accounts.Run(person.Tenant, person.Session.Account, context.RequestAborted) is not { } account)
        {
            return new SettingsOutcome.Refused(SettingsErrors.NoSession);
        }

        if (attempt.Sent.Value("traits") is not JsonObject sent)
        {
            return new SettingsOutcome.Wrong([SettingsMessages.Missing("traits")]);
        }

        var schema = await IdentityJson.SchemaOf(context, account);
        var traits = JsonSerializer.SerializeToElement(attempt.Sent.IsForm ? TraitNodes.FromForm(schema, sent) : sent);
        if (schema.Schema.Read(traits).Refusal is { } misfit)
        {
            return new SettingsOutcome.Wrong([.. misfit.Faults.Select(FaultOf)]);
        }

        var external = account.ExternalIds.FirstOrDefault(e => e.Dialect == IdentityJson.Dialect)?.Id;
        var (wanted, error) = IdentityMapping.ToChange(account, schema, new IdentityBody(schema.Id, traits, ExternalId: external), schema);
        if (wanted is null)
        {
            return new SettingsOutcome.Refused(error!);
        }

        var changed = await change.Run(person, wanted, context.RequestAborted);
        return changed.Refusal switch
        {
            null => new SettingsOutcome.Saved(),
            { Code: RefusalCode.IdentifierTaken } => new SettingsOutcome.Wrong([new FlowFault(null, SettingsMessages.Taken)]),
            { Code: RefusalCode.InvalidRequest, Faults: { Count: > 0 } faults } => new SettingsOutcome.Wrong([.. faults.Select(FaultOf)]),
            { } refusal => SettingsMethods.Of(refusal),
        };
    }

    private static FlowFault FaultOf(FieldFault fault) => new(fault.Pointer.Trim('/').Replace('/', '.'), UiText.Reason(fault.Detail));
}
