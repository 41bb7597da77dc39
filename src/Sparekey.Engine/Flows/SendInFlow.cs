using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Flows;

/// <summary>An address that somebody gives to a flow.</summary>
/// <param name="Typed">The address as it was typed.</param>
/// <param name="Application">For which application.</param>
/// <param name="LinkStart">Where a link of the flow leads, up to the token.</param>
/// <param name="Page">The page on which a code of the flow is typed.</param>
public sealed record FlowAddress(string Typed, ApplicationId Application, string LinkStart, Uri Page)
{
    /// <summary>How long what is sent lives; policy may cut it.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>Whether the person's sessions end with the recovery.</summary>
    public bool EndsSessions { get; init; } = true;
}

/// <summary>
/// Sends a code or link to an address that somebody gave to a flow, where it is the address of an account that takes secrets. The former
/// one of the flow dies. Whether anything was sent shows nowhere: the flow moves on alike.
/// </summary>
public sealed class SendInFlow
{
    private readonly Acts _acts;
    private readonly RecoveryFlowStore _flows;
    private readonly FlowThrottle _throttle;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly RecoveryStore _store;
    private readonly RecoveryAct _recoveries;
    private readonly RecoveryOfPerson _ofPerson;
    private readonly RecoverySecrets _secrets;

    internal SendInFlow(
        Acts acts, RecoveryFlowStore flows, FlowThrottle throttle, AccountStore accounts, PolicyStore policies, RecoveryStore store,
        RecoveryAct recoveries, RecoveryOfPerson ofPerson, RecoverySecrets secrets)
    {
        _acts = acts;
        _flows = flows;
        _throttle = throttle;
        _accounts = accounts;
        _policies = policies;
        _store = store;
        _recoveries = recoveries;
        _ofPerson = ofPerson;
        _secrets = secrets;
    }

    /// <summary>Sends.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="flowId">The flow.</param>
    /// <param name="address">The address.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The flow, whoever's address it is; or <see cref="RefusalCode.RecoveryNotFound"/>, <see cref="RefusalCode.RecoveryExpired"/>,
    /// <see cref="RefusalCode.RecoveryClosed"/> (it ended well), <see cref="RefusalCode.WrongState"/> (an operator's flow takes no address),
    /// <see cref="RefusalCode.TooManyRequests"/>, alike for addresses of nobody.
    /// </returns>
    public Task<Result<RecoveryFlow>> Run(Visitor visitor, string flowId, FlowAddress address, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Send(act, visitor, flowId, address), cancellationToken);

    // If the process dies after this act, the flow, the recovery and the mail stand together or not at all.
    private async Task<Result<RecoveryFlow>> Send(Act act, Visitor visitor, string flowId, FlowAddress address)
    {
        if (await _flows.Find(act.Db, act.Tenant, flowId, act.Now) is not { State: var flow } found)
        {
            return RefusalCode.RecoveryNotFound;
        }

        if (flow.ByOperator || flow.State == RecoveryFlowState.PassedChallenge || flow.IsOver(act.Now))
        {
            return flow.IsOver(act.Now) ? RefusalCode.RecoveryExpired
                : flow.ByOperator ? RefusalCode.WrongState
                : RefusalCode.RecoveryClosed;
        }

        if (await _throttle.Ask(act, address.Typed, visitor.Source) is { } tooMany)
        {
            return tooMany;
        }

        var secret = await Begin(act, visitor, flow, address);
        return await _flows.Write(act, found, flow with
        {
            State = RecoveryFlowState.SentEmail,
            Typed = address.Typed,
            Secret = secret,
            Note = new FlowNote(flow.Uses == Means.Link ? FlowNoteKind.LinkSent : FlowNoteKind.CodeSent),
        });
    }

    private async Task<FlowSecret?> Begin(Act act, Visitor visitor, RecoveryFlow flow, FlowAddress address)
    {
        var account = await _accounts.FindByIdentifier(act.Db, act.Tenant, address.Typed);
        var named = Identifier.Normalize(address.Typed);
        var to = account?.AddressesForSecrets(AddressKind.Email, act.Now).FirstOrDefault(a => Identifier.Normalize(a.Value) == named);
        var former = flow.Secret is { } known ? await _store.Find(act.Db, act.Tenant, known.Recovery) : null;
        var goesOn = former is { IsClosed: false } && former.Request.Account == account?.Id && to is not null;
        if (former is { IsClosed: false } && !goesOn)
        {
            await End(act, visitor, former);
        }

        if (account is null || to is null)
        {
            _secrets.MatchesFlow(act.Tenant, null, flow.Id, null, address.Typed);
            return null;
        }

        // What waits for somebody's word goes on waiting: asking again makes nothing of it faster.
        if (goesOn && former!.State == RecoveryState.Pending)
        {
            return flow.Secret;
        }

        var carrier = new FlowCarrier(flow.Id, address.LinkStart, address.Page) { To = to };
        var issued = goesOn
            ? await _ofPerson.IssueAgain(act, visitor, former!, account, carrier)
            : await _ofPerson.Open(act, visitor, account, AskedIn(flow, address), carrier);
        return issued is null ? null : SecretOf(issued, to.Id);
    }

    private async Task End(Act act, Visitor visitor, Recovery former)
    {
        if (await _accounts.Find(act.Db, act.Tenant, former.Request.Account) is { } account)
        {
            var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
            await _recoveries.Apply(
                act, new RecoveryAct.Found(former, account, policy), new RecoveryCommand.Cancel(Principal.Anonymous, "another address"), visitor);
        }
    }

    private static RecoveryAsked AskedIn(RecoveryFlow flow, FlowAddress address) => new(address.Typed, flow.Uses)
    {
        Application = address.Application,
        Lifetime = address.Lifetime,
        Revoke = address.EndsSessions ? [Revocation.Sessions] : [],
    };

    internal static FlowSecret SecretOf(IssuedSecret issued, AddressId? to) => issued is { Kept: { } kept, Recovery.Secret: { } live }
        ? new FlowSecret(issued.Recovery.Id, issued.Recovery.Request.Account, live.Number, live.ExpiresAt)
        {
            KeyVersion = kept.KeyVersion,
            Mac = kept.Mac,
            Address = to,
        }
        : new FlowSecret(issued.Recovery.Id, issued.Recovery.Request.Account, 0, issued.Recovery.OpenUntil);
}
