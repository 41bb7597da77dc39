using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>How a caller names an account: by exactly one of the two.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Identifier">A user name, e-mail address or telephone number.</param>
public sealed record AccountName(AccountId? Id, string? Identifier);

/// <summary>What a caller asks for.</summary>
/// <param name="Account">Whose account.</param>
/// <param name="Means">How the person will prove themselves: link, code or token.</param>
public sealed record RecoveryOrder(AccountName Account, Means Means)
{
    /// <summary>For which application; null for the tenant's own.</summary>
    public ApplicationId? Application { get; init; }

    /// <summary>The form of a code; null for digits when the means is a code.</summary>
    public CodeFormat? CodeFormat { get; init; }

    /// <summary>How many digits, 6 to 10; null for 8.</summary>
    public int? Digits { get; init; }

    /// <summary>How the secret reaches the person.</summary>
    public Channel Channel { get; init; } = Channel.Return;

    /// <summary>How long a secret lives; null for the channel's default or policy's limit, whichever is shorter.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>Before this time no secret is usable.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Why.</summary>
    public Reason? Reason { get; init; }

    /// <summary>What ends with the completion; null for the sessions.</summary>
    public IReadOnlyList<Revocation>? Revoke { get; init; }
}

/// <summary>What policy would decide, and why; nothing was changed.</summary>
/// <param name="Allowed">Whether the recovery could be opened.</param>
/// <param name="Refusal">Why not.</param>
/// <param name="Answer">What policy demands.</param>
/// <param name="PolicyVersion">Which version of the policy.</param>
public sealed record Evaluation(bool Allowed, Refusal? Refusal, PolicyAnswer Answer, int PolicyVersion);

/// <summary>
/// Opens a recovery for a caller. Where nothing is required it is issued in the same act: the secret is answered to a
/// requester who also holds <c>recovery:issue</c>, or goes to the person's own channel.
/// </summary>
public sealed class OpenRecovery
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ApplicationStore _applications;
    private readonly PolicyStore _policies;
    private readonly RecoveryWriter _writer;
    private readonly SecretIssuer _issuer;
    private readonly Idempotency _idempotency;

    internal OpenRecovery(
        Acts acts, AccountStore accounts, ApplicationStore applications, PolicyStore policies, RecoveryWriter writer, SecretIssuer issuer,
        Idempotency idempotency)
    {
        _acts = acts;
        _accounts = accounts;
        _applications = applications;
        _policies = policies;
        _writer = writer;
        _issuer = issuer;
        _idempotency = idempotency;
    }

    /// <summary>Opens.</summary>
    /// <param name="caller">Who asks; holds <c>recovery:request</c>.</param>
    /// <param name="order">What for.</param>
    /// <param name="once">The idempotency key of the call, if it carries one.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The recovery, with its secret when it was issued to the caller; or <see cref="RefusalCode.AccountNotFound"/>,
    /// <see cref="RefusalCode.ApplicationNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.MeansNotAvailable"/>, <see cref="RefusalCode.ChannelNotAvailable"/>,
    /// <see cref="RefusalCode.NoUsableAddress"/>, <see cref="RefusalCode.LifetimeTooLong"/>, <see cref="RefusalCode.PolicyRefuses"/>,
    /// <see cref="RefusalCode.AccountDisabled"/>.
    /// </returns>
    public Task<Result<Happened<IssuedSecret>>> Run(Caller caller, RecoveryOrder order, OnceKey<IssuedSecret>? once, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => _idempotency.Run(act, caller, once, () => Open(act, caller, order)), cancellationToken);

    /// <summary>Answers what policy would decide and why, and changes nothing.</summary>
    /// <param name="caller">Who asks; holds <c>recovery:request</c>.</param>
    /// <param name="order">What for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The evaluation; or a refusal when account or application cannot be found or acted on.</returns>
    public Task<Result<Evaluation>> Evaluate(Caller caller, RecoveryOrder order, CancellationToken cancellationToken)
    {
        var now = _acts.Now;
        return _acts.Read<Result<Evaluation>>(
            async db =>
            {
                var prepared = await Prepare(db, caller, order, now);
                if (prepared.Refusal is { } refusal)
                {
                    return refusal;
                }

                var (account, command, policy) = prepared.Value;
                var request = command.Request;
                var answer = policy.Policy.Evaluate(
                    new PolicyQuestion(request.Means, request.Channel, request.Application, caller.Principal.Kind, command.Account), now);
                var refused = Decide(account, command, policy.Policy, now) is Decision.Refused r ? r.Refusal : null;
                return new Evaluation(refused is null, refused, answer, policy.Version);
            },
            cancellationToken);
    }

    private async Task<Result<IssuedSecret>> Open(Act act, Caller caller, RecoveryOrder order)
    {
        var prepared = await Prepare(act.Db, caller, order, act.Now);
        if (prepared.Refusal is { } refusal)
        {
            return refusal;
        }

        var (account, command, policy) = prepared.Value;
        var decision = Decide(account, command, policy.Policy, act.Now);
        if (decision is Decision.Refused refused)
        {
            return refused.Refusal;
        }

        var recovery = await _writer.Write(act, null, (Decision.Accepted)decision, caller);
        var mayIssue = command.Request.Channel == Channel.Email || caller.Grant.Permissions.Contains(Permission.RecoveryIssue);
        return recovery.State == RecoveryState.Ready && mayIssue
            ? await _issuer.Issue(act, recovery, account, caller.Principal, policy.Policy, caller)
            : new IssuedSecret(recovery, null);
    }

    private static Decision Decide(Account account, RecoveryCommand.Open command, Policy policy, DateTimeOffset now)
    {
        if (command.Request.Means is not (Means.Link or Means.Code or Means.Token))
        {
            return new Decision.Refused(RefusalCode.MeansNotAvailable);
        }

        return command.Request.Channel == Channel.Email && account.AddressesForSecrets(AddressKind.Email, now).IsEmpty
            ? new Decision.Refused(RefusalCode.NoUsableAddress)
            : RecoveryMachine.Decide(null, command, policy, now);
    }

    private async Task<Result<(Account Account, RecoveryCommand.Open Command, VersionedPolicy Policy)>> Prepare(
        Storage.DbSession db, Caller caller, RecoveryOrder order, DateTimeOffset now)
    {
        var account = order.Account switch
        {
            { Id: { } id } => await _accounts.Find(db, caller.Tenant, id),
            { Identifier: { } identifier } => await _accounts.FindByIdentifier(db, caller.Tenant, identifier),
            _ => null,
        };
        if (account is null)
        {
            return RefusalCode.AccountNotFound;
        }

        var policy = await _policies.Current(db, caller.Tenant);
        if (caller.Grant.MayActOn(account.Id, account.Role, account.Role, policy.Policy.Ranks) is { } forbidden)
        {
            return forbidden;
        }

        var application = order.Application is { } wanted
            ? await _applications.Find(db, caller.Tenant, wanted)
            : await _applications.Default(db, caller.Tenant);
        if (application is null)
        {
            return RefusalCode.ApplicationNotFound;
        }

        var facts = AccountFacts.Of(account);
        var longest = policy.Policy.Evaluate(
            new PolicyQuestion(order.Means, order.Channel, application.Id, caller.Principal.Kind, facts), now).LongestLifetime;
        var lifetime = order.Lifetime ?? Shorter(RecoveryLimits.DefaultLifetime(order.Channel), longest);
        var format = order.Means == Means.Code ? order.CodeFormat ?? CodeFormat.Digits : order.CodeFormat;
        var request = new RecoveryRequest(account.Id, account.Version, application.Id, order.Means, order.Channel, lifetime)
        {
            CodeFormat = format,
            Digits = format == CodeFormat.Digits ? order.Digits ?? 8 : null,
            NotBefore = order.NotBefore,
            Reason = order.Reason,
            Revoke = [.. (order.Revoke ?? [Revocation.Sessions]).Distinct()],
        };
        return (account, new RecoveryCommand.Open(NewId.Make<RecoveryId>(), caller.Tenant, request, caller.Principal, facts, []), policy);
    }

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
