using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>The organisation's policy of escrow, what is wrapped under its key, and what people say about it.</summary>
internal static class PolicyEndpoints
{
    /// <summary>What an organisation key is called where it is referred to.</summary>
    public const string KeyModel = "AccountRecoveryOrganizationKey";

    private const string NewKey = "account_recovery_organization_public_key";
    private const string RevokedKey = "account_recovery_organization_revoked_key";
    private const string Passwords = "account_recovery_private_key_passwords";

    private static readonly string[] PostAndPut = ["POST", "PUT"];

    private static readonly PassboltFields PolicyFields = new(
        new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["/mode"] = ["policy"],
            ["/policy"] = ["policy"],
            ["/key_id"] = ["public_key_id"],
            ["/new_key/armored"] = [NewKey, "armored_key"],
            ["/new_key"] = [NewKey],
            ["/revoked_key/armored"] = [RevokedKey, "armored_key"],
            ["/revoked_key"] = [RevokedKey],
            ["/passwords"] = [Passwords],
        },
        PassboltFields.AsTheyAre.Rules);

    private static readonly PassboltFields EnrolmentFields = new(
        new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["/blob"] = ["account_recovery_user_setting", "account_recovery_private_key", "data"],
            ["/passwords"] = ["account_recovery_user_setting", "account_recovery_private_key_passwords"],
            [""] = ["account_recovery_user_setting"],
        },
        PassboltFields.AsTheyAre.Rules);

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The dialect's group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/account-recovery/organization-policies.json", Get).For(DoorFor.People, "AccountRecoveryOrganizationPoliciesGet.get")
            .RequireDialectProof(PassboltEndpoints.Proof);
        group.MapMethods("/account-recovery/organization-policies.json", PostAndPut, Set)
            .For(DoorFor.People, "AccountRecoveryOrganizationPoliciesSet.set", Permission.EscrowManage).WithMetadata(PolicyFields)
            .RequireDialectProof(PassboltEndpoints.Proof);
        group.MapGet("/account-recovery/private-key-passwords.json", ListPasswords)
            .For(DoorFor.People, "AccountRecoveryPrivateKeyPasswordsIndex.index", Permission.EscrowManage).RequireDialectProof(PassboltEndpoints.Proof);
        group.MapPost("/account-recovery/user-settings.json", Enrol).For(DoorFor.People, "AccountRecoveryUserSettingsSet.set").WithMetadata(EnrolmentFields)
            .RequireDialectProof(PassboltEndpoints.Proof);
    }

    /// <summary>What somebody says about escrow, of themselves or while they set up.</summary>
    /// <param name="setting">The user setting.</param>
    /// <returns>
    /// What they say, and the escrow of who approves; or faults at <c>/status</c>, <c>/blob</c> and below <c>/passwords</c>.
    /// </returns>
    public static Result<(EnrolmentStatus Status, NewEscrow? Escrow)> SaidIn(JsonElement setting)
    {
        var (status, key) = (setting.Text("status"), setting.Object("account_recovery_private_key"));
        if (status is not ("approved" or "rejected"))
        {
            return EscrowFaults.Refuse(status is null ? EscrowFault.Required : EscrowFault.NotInList, "/status");
        }

        if (status == "rejected")
        {
            return key.ValueKind == JsonValueKind.Object ? EscrowFaults.Refuse(EscrowFault.Forbidden, "/blob") : (EnrolmentStatus.Rejected, null);
        }

        return key.List(Passwords) is { } listed && ModelFaults(listed, "/passwords") is { } unknown
            ? unknown
            : (EnrolmentStatus.Approved, new NewEscrow(key.Text("data"), key.List(Passwords)?.Select(PasswordOf).ToList()));
    }

    private static async Task<IResult> Get(HttpContext context, ReadEscrowPolicy read, ReadOpenPgpPeople people)
    {
        var policy = await read.Run(context.Visitor(), context.RequestAborted);
        return new PassboltAnswer(await Describe(context, policy, people));
    }

    private static async Task<IResult> Set(HttpContext context, ChangeEscrowPolicy change, ReadOpenPgpPeople people)
    {
        var body = await PassboltBody.Read(context, PassboltBody.PolicyLimit);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var wanted = body.Value;
        if (PassboltMapping.ModeOf(wanted.Text("policy")) is not { } mode)
        {
            var fault = wanted.Text("policy") is null ? EscrowFault.Required : EscrowFault.NotInList;
            return new Problem(EscrowFaults.Refuse(fault, "/policy"));
        }

        if (wanted.List(Passwords) is { } listed && ModelFaults(listed, "/passwords") is { } unknown)
        {
            return new Problem(unknown);
        }

        foreach (var (name, pointer) in new[] { (NewKey, "/new_key"), (RevokedKey, "/revoked_key") })
        {
            if (wanted.Object(name) is { ValueKind: JsonValueKind.Object } key && key.Text("fingerprint") is null)
            {
                return new Problem(EscrowFaults.Refuse(EscrowFault.Required, pointer + "/fingerprint"));
            }
        }

        var changed = await change.Run(
            context.Passbolt().Operator,
            new EscrowPolicyChange(mode)
            {
                KeyId = wanted.Text("public_key_id"),
                NewKey = KeyOf(wanted.Object(NewKey)),
                RevokedKey = KeyOf(wanted.Object(RevokedKey)),
                Passwords = wanted.List(Passwords)?.Select(PasswordOf).ToList(),
            },
            context.RequestAborted);
        return changed.Refusal is { } refused ? new Problem(refused) : new PassboltAnswer(await Describe(context, changed.Value, people));
    }

    private static async Task<IResult> ListPasswords(HttpContext context, ReadEscrowPasswords read)
    {
        var found = await read.Run(context.Passbolt().Operator, context.RequestAborted);
        if (found.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        var query = new PassboltQuery(context.Request.Query);
        IEnumerable<EscrowPassword> sorted = query.Sort == "modified" ? found.Value.OrderBy(p => p.ModifiedAt) : found.Value;
        var all = (query.IsDescending ? sorted.Reverse() : sorted).Select(Password).ToList();
        return PassboltEndpoints.Part(query, all);
    }

    private static async Task<IResult> Enrol(HttpContext context, EnrolInEscrow enrol)
    {
        var body = await PassboltBody.Read(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var said = SaidIn(body.Value);
        return said.Refusal is { } wrong ? new Problem(wrong)
            : said.Value.Escrow is { } escrow ? Answer(await enrol.Enrol(context.Passbolt().Session, escrow, context.RequestAborted))
            : Answer(await enrol.Decline(context.Passbolt().Session, context.RequestAborted));
    }

    private static IResult Answer(Result<Enrolment> said)
    {
        if (said.Refusal is { } refused)
        {
            return refused.Code switch
            {
                RefusalCode.AlreadyEnrolled => new PassboltError(400, "The user already accepted the account recovery."),
                RefusalCode.EscrowMandatory => new PassboltError(400, "The account recovery is mandatory."),
                _ => new Problem(refused),
            };
        }

        var setting = said.Value;
        return new PassboltAnswer(new JsonObject
        {
            ["id"] = setting.Id.ToString(),
            ["user_id"] = setting.Account.ToString(),
            ["status"] = WireName.Of(setting.Status),
            ["created"] = PassboltMapping.Time(setting.CreatedAt),
            ["modified"] = PassboltMapping.Time(setting.ModifiedAt),
            ["created_by"] = setting.Account.ToString(),
            ["modified_by"] = setting.Account.ToString(),
        });
    }

    private static async Task<JsonObject> Describe(HttpContext context, EscrowPolicy policy, ReadOpenPgpPeople people)
    {
        var shown = PassboltMapping.Policy(policy);
        var query = new PassboltQuery(context.Request.Query);
        if (policy.Id is not null && (query.Contains("creator") || query.Contains("creator.gpgkey"))
            && Ids.TryParse<AccountId>(policy.CreatedBy.Id, out var creator)
            && await people.Find(context.Visitor(), creator, context.RequestAborted) is { } person)
        {
            shown["creator"] = PassboltMapping.User(person, withKey: query.Contains("creator.gpgkey"));
        }

        return shown;
    }

    private static JsonObject Password(EscrowPassword password) => new()
    {
        ["id"] = password.Id.ToString(),
        ["private_key_id"] = password.PrivateKey.ToString(),
        ["recipient_fingerprint"] = password.RecipientFingerprint,
        ["recipient_foreign_model"] = KeyModel,
        ["data"] = password.Armored,
        ["created"] = PassboltMapping.Time(password.CreatedAt),
        ["modified"] = PassboltMapping.Time(password.ModifiedAt),
        ["created_by"] = PassboltIds.OfPrincipal(password.CreatedBy),
        ["modified_by"] = PassboltIds.OfPrincipal(password.CreatedBy),
    };

    private static GivenKey? KeyOf(JsonElement key) =>
        key.ValueKind == JsonValueKind.Object ? new GivenKey(key.Text("armored_key") ?? "", key.Text("fingerprint")) : null;

    private static GivenPassword PasswordOf(JsonElement password) =>
        new(password.Text("private_key_id"), password.Text("recipient_fingerprint"), password.Text("data"));

    // There is one kind of recipient.
    private static Refusal? ModelFaults(IReadOnlyList<JsonElement> passwords, string pointer)
    {
        var faults = passwords.Select((p, i) => (Model: p.Text("recipient_foreign_model"), Index: i)).Where(p => p.Model != KeyModel)
            .Select(p => EscrowFaults.At(p.Model is null ? EscrowFault.Required : EscrowFault.NotInList, $"{pointer}/{p.Index}/recipient_foreign_model")).ToList();
        return faults.Count == 0 ? null : new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
    }
}
