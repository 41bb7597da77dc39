using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Slack;

/// <summary>What a question shows, as things are now.</summary>
/// <param name="Role">What is asked.</param>
/// <param name="Message">The message's id.</param>
/// <param name="Recovery">The recovery.</param>
/// <param name="Asks">Whether there is still something to decide.</param>
/// <param name="InChannel">Whether several people read it.</param>
internal sealed record SlackQuestion(SlackRole Role, MessageId Message, Recovery Recovery, bool Asks, bool InChannel)
{
    /// <summary>What the application is called.</summary>
    public required string Application { get; init; }

    /// <summary>What the account is called.</summary>
    public required string Account { get; init; }

    /// <summary>What the requester is called.</summary>
    public required string Requester { get; init; }

    /// <summary>The page on which operators decide.</summary>
    public required Uri Page { get; init; }

    /// <summary>Whether a button in the chat approves.</summary>
    public bool InChat { get; init; }

    /// <summary>The language that it is asked in.</summary>
    public required string Language { get; init; }

    /// <summary>The time.</summary>
    public DateTimeOffset Now { get; init; }
}

/// <summary>Who is asked what about a recovery, and what they are shown.</summary>
/// <param name="messages">The questions.</param>
/// <param name="recoveries">The recoveries.</param>
/// <param name="accounts">The accounts.</param>
/// <param name="operators">Who approves.</param>
/// <param name="programmes">What programmes are called.</param>
/// <param name="applications">What applications are called.</param>
/// <param name="pages">Where pages are.</param>
internal sealed class SlackQuestions(
    SlackMessageStore messages, RecoveryStore recoveries, AccountStore accounts, OperatorStore operators, AccessTokenStore programmes,
    ApplicationStore applications, RecoveryPages pages)
{
    /// <summary>What a confirmation that comes this way names as its channel.</summary>
    public const string Over = "slack";

    // Who asks again and again hopes that somebody presses yes to have peace (ASVS 6.6.4). What is beyond is confirmed another way.
    private const int MostAsksAnHour = 5;
    private const int MostAsked = 20;
    private const int OperatorsAtOnce = 500;

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    /// <summary>
    /// Notes whom to ask about a recovery, and that whoever was asked is to be shown how it stands. If the process dies after this act,
    /// the questions are there and leave with the next round.
    /// </summary>
    /// <param name="act">The act that read the ledger.</param>
    /// <param name="app">The app.</param>
    /// <param name="id">The recovery.</param>
    public async Task Note(Act act, SlackApp app, RecoveryId id)
    {
        if (await recoveries.Find(act.Db, act.Tenant, id) is not { } recovery
            || await accounts.Find(act.Db, act.Tenant, recovery.Request.Account) is not { } account)
        {
            return;
        }

        // First, so that what is asked from now on is not asked twice.
        await messages.Touch(act, id);
        if (Asks(SlackRole.Person, recovery, act.Now) && await messages.CountAsked(act, account.Id, act.Now - Hour) < MostAsksAnHour)
        {
            await messages.AskAgain(act, id, SlackRole.Person);
            await messages.Ask(act, id, account.Id, SlackRole.Person, account.Id.ToString());
        }

        if (Asks(SlackRole.Approver, recovery, act.Now))
        {
            await messages.AskAgain(act, id, SlackRole.Approver);
            foreach (var target in await ApproversOf(act, app, recovery))
            {
                await messages.Ask(act, id, account.Id, SlackRole.Approver, target);
            }
        }
    }

    /// <summary>What a message is to show now; null when there is nothing to tell of any more.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="app">The app.</param>
    /// <param name="message">The message.</param>
    /// <param name="now">The time.</param>
    public async Task<SlackQuestion?> Read(DbSession db, SlackApp app, SlackMessage message, DateTimeOffset now)
    {
        if (await recoveries.Find(db, app.Tenant, message.Recovery) is not { } recovery
            || await accounts.Find(db, app.Tenant, message.Account) is not { } account)
        {
            return null;
        }

        var application = await applications.Find(db, app.Tenant, recovery.Request.Application);
        var reader = Ids.TryParse<AccountId>(message.Target, out var target) ? await accounts.Find(db, app.Tenant, target) : null;
        return new SlackQuestion(
            message.Role, message.Id, recovery, Asks(message.Role, recovery, now), InChannel: message.Target == SlackMessage.ToChannel)
        {
            Application = pages.NameOf(application),
            Account = NameOf(account),
            Requester = await NameOf(db, app.Tenant, recovery),
            Page = new Uri(pages.OriginOf(await applications.FindDefault(db, app.Tenant)), $"/operate/recoveries/{recovery.Id}"),
            InChat = app.ApproveInChat,
            Language = Delivery.MailComposer.LanguageOf(reader),
            Now = now,
        };
    }

    /// <summary>Whether there is something to ask.</summary>
    /// <param name="role">Whom.</param>
    /// <param name="recovery">About which recovery.</param>
    /// <param name="now">The time.</param>
    public static bool Asks(SlackRole role, Recovery recovery, DateTimeOffset now) =>
        recovery.State == RecoveryState.Pending && now < recovery.OpenUntil
        && recovery.Requirements.Any(r => !r.IsMet(now) && role switch
        {
            SlackRole.Person => r.Kind == RequirementKind.Confirmation && (r.Over.IsEmpty || r.Over.Contains(Over)),
            SlackRole.Approver => r.Kind == RequirementKind.Approvals,
        });

    // Nobody is asked who could not agree, or who would learn by being asked that somebody watches them (T16).
    private async Task<IReadOnlyList<string>> ApproversOf(Act act, SlackApp app, Recovery recovery)
    {
        var targets = new List<string>();
        if (app.Channel is not null)
        {
            targets.Add(SlackMessage.ToChannel);
        }

        if (app.ApproverGroup is null)
        {
            return targets;
        }

        var open = recovery.Requirements.Where(r => r.Kind == RequirementKind.Approvals && !r.IsMet(act.Now)).ToList();
        var groups = open.SelectMany(r => r.FromGroups).Append(app.ApproverGroup).ToHashSet(StringComparer.Ordinal);
        for (string? after = null; targets.Count < MostAsked;)
        {
            var some = await operators.List(act.Db, act.Tenant, after, OperatorsAtOnce);
            foreach (var one in some.Where(o => (o.ExpiresAt is null || o.ExpiresAt > act.Now) && o.Permissions.Contains(Permission.RecoveryApprove)))
            {
                var principal = Principal.Of(one.Account);
                if (targets.Count < MostAsked && !principal.IsSamePersonAs(recovery.RequestedBy) && !principal.IsPersonOf(recovery.Request.Account)
                    && await accounts.Find(act.Db, act.Tenant, one.Account) is { Status: AccountStatus.Active } account
                    && account.Groups.Any(groups.Contains))
                {
                    targets.Add(one.Account.ToString());
                }
            }

            if (some.Count < OperatorsAtOnce)
            {
                break;
            }

            after = some[^1].Account.ToString();
        }

        return targets;
    }

    private async Task<string> NameOf(DbSession db, TenantId tenant, Recovery recovery)
    {
        var by = recovery.RequestedBy;
        if (by.Kind == PrincipalKind.Account && Ids.TryParse<AccountId>(by.Id, out var id))
        {
            return await accounts.Find(db, tenant, id) is { } account ? NameOf(account) : by.Id;
        }

        if (by.Kind == PrincipalKind.ServiceAccount && Ids.TryParse<ServiceAccountId>(by.Id, out var programme))
        {
            var name = (await programmes.FindServiceAccount(db, tenant, programme))?.Name ?? by.Id;
            var owner = Ids.TryParse<AccountId>(by.OwnerId, out var person) && await accounts.Find(db, tenant, person) is { } account
                ? NameOf(account)
                : by.OwnerId;
            return $"{name} ({owner})";
        }

        return by.Id;
    }

    private static string NameOf(Account account)
    {
        var email = account.AddressesForNotices().FirstOrDefault(a => a.Kind == AddressKind.Email)?.Value;
        return (account.Username, email) switch
        {
            ({ } name, { } address) => $"{name} ({address})",
            ({ } name, null) => name,
            (null, { } address) => address,
            _ => account.Id.ToString(),
        };
    }
}
