using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>Reads an order into a command for the state machine: whose account, for which application, under which policy.</summary>
/// <param name="accounts">The accounts.</param>
/// <param name="applications">The applications.</param>
/// <param name="policies">The policies.</param>
/// <param name="keys">Recovery keys.</param>
/// <param name="facts">What policy asks of accounts.</param>
/// <param name="options">Knows whether telephones are reached.</param>
/// <param name="recoveries">Knows what the person was asked lately.</param>
/// <param name="escrow">Knows whose key is in escrow.</param>
internal sealed class RecoveryPreparation(
    AccountStore accounts, ApplicationStore applications, PolicyStore policies, KeyStore keys, AccountFactsReader facts,
    EngineOptions options, RecoveryStore recoveries, InEscrow escrow)
{
    private const int LookedAt = 100;

    /// <summary>An order that may be decided on.</summary>
    /// <param name="Account">Whose account.</param>
    /// <param name="Command">What is asked of the state machine.</param>
    /// <param name="Policy">The policy that holds.</param>
    /// <param name="Application">For which application.</param>
    public sealed record Prepared(Account Account, RecoveryCommand.Open Command, VersionedPolicy Policy, Application Application)
    {
        /// <summary>Whether anything is configured that takes the secret on its channel.</summary>
        public bool Reachable { get; init; } = true;

        /// <summary>What the state machine says to it.</summary>
        /// <param name="now">The time.</param>
        public Decision Decide(DateTimeOffset now) =>
            Command.Request.Means == Means.SavedCode ? new Decision.Refused(RefusalCode.MeansNotAvailable)
            : !Reachable ? new Decision.Refused(RefusalCode.ChannelNotAvailable)
            : Command.Request.Channel.ReachesPerson() && Account.AddressesForSecrets(Command.Request.Channel.TakesAddress(), now).IsEmpty
                ? new Decision.Refused(RefusalCode.NoUsableAddress)
            : RecoveryMachine.Decide(null, Command, Policy.Policy, now);
    }

    /// <summary>Reads an order.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="order">What for.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// What to decide on; or a refusal when account, application or key cannot be found or acted on, or the caller may not force.
    /// </returns>
    public async Task<Result<Prepared>> Read(DbSession db, Caller caller, RecoveryOrder order, DateTimeOffset now)
    {
        var account = order.Account switch
        {
            { Id: { } id } => await accounts.Find(db, caller.Tenant, id),
            { Identifier: { } identifier } => await accounts.FindByIdentifier(db, caller.Tenant, identifier),
            _ => null,
        };
        if (account is null)
        {
            return RefusalCode.AccountNotFound;
        }

        var policy = await policies.Current(db, caller.Tenant);
        if (order.OnlyLowestRole && account.Role != policy.Policy.Ranks.Lowest)
        {
            return RefusalCode.RoleNotAllowed;
        }

        var force = order.Means == Means.Force ? caller.Grant.Demand(Permission.CredentialForce) : null;
        if ((force ?? caller.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, policy.Policy.Ranks)) is { } forbidden)
        {
            return forbidden;
        }

        var application = order.Application is { } wanted
            ? await applications.Find(db, caller.Tenant, wanted)
            : await applications.Default(db, caller.Tenant);
        if (application is null)
        {
            return RefusalCode.ApplicationNotFound;
        }

        if (order.Means == Means.RecoveryKey && await FaultOfKey(db, caller.Tenant, account.Id, order.RecoveryKey) is { } keyless)
        {
            return keyless;
        }

        // The answer goes to the person's device, which begins with a mail: nobody is promised another way. Who names none is said to return.
        if (order.Means == Means.Escrow && order.Channel is not (Channel.Return or Channel.Email))
        {
            return new Refusal(RefusalCode.ChannelNotAvailable, "An escrow recovery begins with a mail.");
        }

        order = order.Means == Means.Escrow ? order with { Channel = Channel.Email, Revoke = order.Revoke ?? [] } : order;
        if (order.Means == Means.Escrow && !await escrow.Holds(db, caller.Tenant, account))
        {
            return new Refusal(RefusalCode.MeansNotAvailable, "The person's key is not in escrow.");
        }

        return Prepare(account, application, order, policy, caller, now, await facts.Read(db, caller.Tenant, account, policy.Policy, Requester.Of(caller), now)) with
        {
            Reachable = IsReachable(order.Channel),
        };
    }

    /// <summary>
    /// Whether the person was asked too often to confirm recoveries that others opened: whoever asks again and again wants a tired yes
    /// (A18). Requests of strangers are not counted, so that no stranger can keep help away; theirs are slowed where they are made.
    /// </summary>
    /// <param name="act">The act.</param>
    /// <param name="opening">The recovery that is about to be opened.</param>
    /// <returns>Null, or <see cref="RefusalCode.TooManyRequests"/> with when to come back.</returns>
    public async Task<Refusal?> AskedTooOften(Act act, Recovery opening)
    {
        if (!AsksPerson(opening))
        {
            return null;
        }

        var since = act.Now - RecoveryLimits.AsksWithin;
        var asked = (await recoveries.Since(act.Db, act.Tenant, opening.Request.Account, since, LookedAt))
            .Where(AsksPerson).Take(RecoveryLimits.AsksOfPerson).ToList();
        return asked.Count < RecoveryLimits.AsksOfPerson
            ? null
            : new Refusal(RefusalCode.TooManyRequests, "The person was asked too often: they answer, or time passes.")
            {
                RetryAfter = asked[^1].CreatedAt + RecoveryLimits.AsksWithin - act.Now,
            };
    }

    private static bool AsksPerson(Recovery recovery) =>
        recovery.RequestedBy.Kind != PrincipalKind.Anonymous && recovery.RequestedBy != Principal.Of(recovery.Request.Account)
        && recovery.Requirements.Any(r => r.Kind == RequirementKind.Confirmation);

    private bool IsReachable(Channel channel) => channel switch
    {
        Channel.Sms => options.Phone is not null,
        Channel.Call => options.Phone is { Calls: true },
        Channel.Return or Channel.Email or Channel.Voice => true,
    };

    private static Prepared Prepare(
        Account account, Application application, RecoveryOrder order, VersionedPolicy policy, Caller caller, DateTimeOffset now,
        AccountFacts known)
    {
        var usual = RecoveryLimits.DefaultLifetime(order.Channel);
        var format = order.Means == Means.Code ? order.CodeFormat ?? CodeFormat.Digits : order.CodeFormat;
        var request = new RecoveryRequest(
            account.Id, account.Version, application.Id, order.Means, order.Channel, order.Lifetime ?? usual)
        {
            CodeFormat = format,
            Digits = format == CodeFormat.Digits ? order.Digits ?? 8 : null,
            NotBefore = order.NotBefore,
            Reason = order.Reason,
            Risk = order.Risk,
            Revoke = [.. (order.Revoke ?? [Revocation.Sessions]).Distinct()],
            RequestKeyFingerprint = order.Means == Means.Escrow ? null : order.RecoveryKey,
        };
        ImmutableArray<Requirement> extra = order.AwaitsAuthorization ? [new Requirement(RequirementKind.Authorization)] : [];
        var open = new RecoveryCommand.Open(NewId.Make<RecoveryId>(), caller.Tenant, request, caller.Principal, known, extra)
        {
            Source = caller.Source,
        };

        // Who names a lifetime is told when it is too long; who names none, or asks so, gets as long as there may be.
        var longest = RecoveryMachine.Evaluate(open, policy.Policy, now).LongestLifetime;
        return request.Lifetime > longest && (order.Lifetime is null || order.CutsLifetime)
            ? new Prepared(account, open with { Request = request with { Lifetime = longest } }, policy, application)
            : new Prepared(account, open, policy, application);
    }

    private async Task<Refusal?> FaultOfKey(DbSession db, TenantId tenant, AccountId account, string? named) =>
        named is not null
            ? await keys.Find(db, tenant, account, CredentialKind.RecoveryKey, named) is null ? RefusalCode.CredentialNotFound : (Refusal?)null
            : (await keys.List(db, tenant, account, CredentialKind.RecoveryKey)).Count > 0
                ? null
                : new Refusal(RefusalCode.MeansNotAvailable, "The account has no recovery key.");
}
