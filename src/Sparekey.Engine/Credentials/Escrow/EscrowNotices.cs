using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>What happened to the organisation's policy.</summary>
public enum EscrowPolicyNews
{
    /// <summary>It is in force, and was not before.</summary>
    Enabled,

    /// <summary>It changed, or its key did.</summary>
    Updated,

    /// <summary>It is in force no more.</summary>
    Disabled,
}

/// <summary>What operators are told of escrow. Each can be switched off; what people are told of their own account cannot.</summary>
public enum EscrowNews
{
    /// <summary>The policy is in force, and was not before.</summary>
    PolicyEnabled,

    /// <summary>The policy changed, or its key did.</summary>
    PolicyUpdated,

    /// <summary>The policy is in force no more.</summary>
    PolicyDisabled,

    /// <summary>Somebody asks for their key.</summary>
    RequestMade,

    /// <summary>Somebody asked for a request that does not exist: they guess.</summary>
    RequestGuessed,

    /// <summary>What the reader answered was taken.</summary>
    OwnAnswer,

    /// <summary>What the reader answered is held back until the rest is done.</summary>
    OwnAnswerHeld,

    /// <summary>Somebody else gave a key back.</summary>
    RequestApproved,

    /// <summary>Somebody else turned a request down.</summary>
    RequestRejected,

    /// <summary>A person has their key back.</summary>
    RecoveryFinished,

    /// <summary>A person gave up.</summary>
    RecoveryAborted,

    /// <summary>Somebody tried to sign in with what was not made for it: of another server, used, over, or not signed by the person.</summary>
    SignInAttacked,
}

/// <summary>Which notices operators do not get.</summary>
/// <param name="Silent">These.</param>
public sealed record EscrowMailOptions(IReadOnlySet<EscrowNews> Silent);

/// <summary>The mails that escrow sends, in the act that causes them.</summary>
/// <param name="operators">Know who may act.</param>
/// <param name="accounts">Know who they are.</param>
/// <param name="applications">Knows where operators' pages are.</param>
/// <param name="pages">Makes links to them.</param>
/// <param name="links">Makes links to clients' pages.</param>
/// <param name="options">What is switched off.</param>
internal sealed class EscrowNotices(
    OperatorStore operators, AccountStore accounts, ApplicationStore applications, RecoveryPages pages, EscrowLinks links, EscrowMailOptions options)
{
    private const int MostOperators = 500;
    private const int MostTold = 50;

    /// <summary>Tells administrators (operators who hold <c>escrow:manage</c>) what happened to the policy.</summary>
    /// <param name="act">The act.</param>
    /// <param name="news">What happened.</param>
    /// <param name="by">Who did it.</param>
    public Task PolicyChanged(Act act, EscrowPolicyNews news, Principal by) => Tell(
        act,
        news switch
        {
            EscrowPolicyNews.Enabled => EscrowNews.PolicyEnabled,
            EscrowPolicyNews.Updated => EscrowNews.PolicyUpdated,
            EscrowPolicyNews.Disabled => EscrowNews.PolicyDisabled,
        },
        [Permission.EscrowManage], without: null, person: null, recovery: null, new EscrowDetails { By = by });

    /// <summary>Mails a person the link with which they begin.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">The person.</param>
    /// <param name="to">Where to.</param>
    /// <param name="token">The token.</param>
    /// <param name="reason">Why they asked.</param>
    /// <param name="recovery">The recovery that somebody opened for them; null where they asked themselves.</param>
    public async Task Begin(Act act, Account account, Address to, string token, EscrowTokenReason reason, RecoveryId? recovery) =>
        await act.Send(new OutboxMessage(MessageKind.EscrowToken, account.Id)
        {
            Recovery = recovery,
            To = [new Recipient(WireName.Of(to.Kind), to.Value)],
            ExpiresAt = act.Now + EscrowTokens.Lifetime,
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["secret"] = await links.Start(act.Db, act.Tenant, account.Id, token, reason),
            },
        });

    /// <summary>Mails a person the link with which they go on: their request was approved.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">The person.</param>
    /// <param name="to">Where to.</param>
    /// <param name="token">The token.</param>
    /// <param name="recovery">The recovery.</param>
    public async Task GoOn(Act act, Account account, Address to, string token, RecoveryId recovery) =>
        await act.Send(new OutboxMessage(MessageKind.EscrowApproved, account.Id)
        {
            Recovery = recovery,
            To = [new Recipient(WireName.Of(to.Kind), to.Value)],
            ExpiresAt = act.Now + EscrowTokens.Lifetime,
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["secret"] = await links.Continue(act.Db, act.Tenant, account.Id, token),
            },
        });

    /// <summary>Tells a person that their request was turned down, or that they have their key back.</summary>
    /// <param name="act">The act.</param>
    /// <param name="kind"><see cref="MessageKind.EscrowRejectedNotice"/> or <see cref="MessageKind.EscrowFinishedNotice"/>.</param>
    /// <param name="account">The person.</param>
    /// <param name="recovery">The recovery.</param>
    public static Task Person(Act act, MessageKind kind, AccountId account, RecoveryId? recovery) =>
        act.Send(new OutboxMessage(kind, account) { Recovery = recovery });

    /// <summary>Tells whoever may review what happens to a request: operators who hold <c>recovery:approve</c> or <c>escrow:manage</c>.</summary>
    /// <param name="act">The act.</param>
    /// <param name="news">What.</param>
    /// <param name="request">The request.</param>
    /// <param name="without">Who is not told, for they did it.</param>
    /// <param name="unnoticed">Who else is not told; null for nobody.</param>
    public Task Reviewers(Act act, EscrowNews news, EscrowRequest request, Principal? without, Principal? unnoticed = null) => Tell(
        act, news, [Permission.RecoveryApprove, Permission.EscrowManage], without, request.Account, request,
        new EscrowDetails { By = without, Unnoticed = unnoticed });

    /// <summary>Tells a reviewer what became of their own answer. Nobody is told who is no person.</summary>
    /// <param name="act">The act.</param>
    /// <param name="news">What.</param>
    /// <param name="request">The request.</param>
    /// <param name="reviewer">The reviewer.</param>
    public async Task Reviewer(Act act, EscrowNews news, EscrowRequest request, Principal reviewer)
    {
        if (!options.Silent.Contains(news) && reviewer.Kind == PrincipalKind.Account && Ids.TryParse<AccountId>(reviewer.Id, out var id))
        {
            await act.Send(new OutboxMessage(MessageKind.EscrowOperatorNotice, id)
            {
                Recovery = request.Recovery, Values = await ValuesOf(act, news, request.Account, request, new EscrowDetails()),
            });
        }
    }

    /// <summary>Tells administrators what a person did, or somebody who gave themselves out for one.</summary>
    /// <param name="act">The act.</param>
    /// <param name="news">What.</param>
    /// <param name="account">The person; null where it is nobody in particular.</param>
    /// <param name="request">The request; null for none.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="device">What the device calls itself.</param>
    public Task Administrators(Act act, EscrowNews news, AccountId? account, EscrowRequest? request, Visitor visitor, string? device) => Tell(
        act, news, [Permission.EscrowManage], without: null, account, request, new EscrowDetails { Source = visitor.Source, Device = device });

    /// <summary>Tells a person that somebody tried to sign in as them, and how that was no mistake of theirs.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">The person.</param>
    /// <param name="visitor">From where.</param>
    public async Task Attacked(Act act, AccountId account, Visitor visitor) => await act.Send(new OutboxMessage(MessageKind.EscrowOperatorNotice, account)
    {
        Values = await ValuesOf(act, EscrowNews.SignInAttacked, account, request: null, new EscrowDetails { Source = visitor.Source }),
    });

    private async Task Tell(
        Act act, EscrowNews news, Permission[] who, Principal? without, AccountId? person, EscrowRequest? recovery, EscrowDetails details)
    {
        if (options.Silent.Contains(news))
        {
            return;
        }

        var values = await ValuesOf(act, news, person, recovery, details);
        var told = 0;
        foreach (var known in await operators.List(act.Db, act.Tenant, null, MostOperators))
        {
            if (told < MostTold && !(known.ExpiresAt <= act.Now) && who.Any(known.Permissions.Contains) && known.Account != person
                && without?.IsPersonOf(known.Account) != true && details.Unnoticed?.IsPersonOf(known.Account) != true
                && await accounts.Find(act.Db, act.Tenant, known.Account) is { Status: AccountStatus.Active })
            {
                await act.Send(new OutboxMessage(MessageKind.EscrowOperatorNotice, known.Account) { Recovery = recovery?.Recovery, Values = values });
                told++;
            }
        }
    }

    private async Task<Dictionary<string, string>> ValuesOf(
        Act act, EscrowNews news, AccountId? person, EscrowRequest? request, EscrowDetails details)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal) { ["news"] = WireName.Of(news) };
        if (person is { } id && await accounts.Find(act.Db, act.Tenant, id) is { } account)
        {
            values["whose"] = RecoveryWriter.NameOf(account);
        }

        if (request is not null)
        {
            values["number"] = request.Recovery.ToString();
            values["request_key"] = request.Fingerprint;
            values["decide_link"] = new Uri(
                pages.OriginOf(await applications.FindDefault(act.Db, act.Tenant)), $"/operate/recoveries/{request.Recovery}").AbsoluteUri;
            if (news == EscrowNews.RequestMade && request.Origin == EscrowOrigin.Local)
            {
                values["review_link"] = await links.Review(act.Db, act.Tenant, request.Id);
            }
        }

        if (details.By is { Kind: PrincipalKind.Account } by && Ids.TryParse<AccountId>(by.Id, out var actor)
            && await accounts.Find(act.Db, act.Tenant, actor) is { } known)
        {
            values["name"] = RecoveryWriter.NameOf(known);
        }

        if (details.Source is { Length: > 0 } source)
        {
            values["source"] = source;
        }

        if (details.Device is { Length: > 0 } device)
        {
            values["device"] = device.Length <= LongestDevice ? device : device[..LongestDevice];
        }

        return values;
    }

    private const int LongestDevice = 200;

    private sealed record EscrowDetails
    {
        public Principal? By { get; init; }

        public Principal? Unnoticed { get; init; }

        public string? Source { get; init; }

        public string? Device { get; init; }
    }
}
