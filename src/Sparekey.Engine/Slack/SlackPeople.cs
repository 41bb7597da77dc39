using System.Collections.Concurrent;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;

namespace Sparekey.Engine.Slack;

/// <summary>
/// Who is who: a user of the workspace is the person whose account has their e-mail address, where that address may carry a vote (design
/// §3.8). Bots, deleted users and people of other organisations are nobody; nor is whoever did not confirm their address in Slack.
/// </summary>
/// <param name="acts">Reads accounts.</param>
/// <param name="accounts">The accounts.</param>
/// <param name="slack">Knows users.</param>
internal sealed class SlackPeople(Acts acts, AccountStore accounts, SlackClient slack)
{
    private const string Nobody = "users_not_found";

    // Long enough for somebody who presses twice, too short for an address that was taken away to matter.
    private static readonly TimeSpan KnownFor = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<(TenantId, string), (string Email, DateTimeOffset Until)> _known = new();

    /// <summary>The user of a person.</summary>
    /// <param name="app">The app.</param>
    /// <param name="account">The person.</param>
    /// <returns>The user's id, or why there is none.</returns>
    public async Task<(string? User, SlackAnswer? Fault)> UserOf(SlackApp app, Account account)
    {
        foreach (var address in account.AddressesForSecrets(AddressKind.Email, acts.Now))
        {
            var answer = await slack.Ask(app, "users.lookupByEmail", "email", address.Value);
            if (!answer.Ok && answer.Fault is not (Nobody or "user_not_found"))
            {
                return (null, answer);
            }

            // Slack decides which user it is; that this user has the address is looked at here.
            if (answer.Ok && answer.Text("user", "id") is { } user && EmailOf(app, answer) is { } email
                && Identifier.Normalize(email) == Identifier.Normalize(address.Value))
            {
                return (user, null);
            }
        }

        return (null, new SlackAnswer(null, Nobody));
    }

    /// <summary>The person of a user.</summary>
    /// <param name="app">The app.</param>
    /// <param name="user">The user's id.</param>
    /// <returns>The person, or why there is none.</returns>
    public async Task<(Account? Account, SlackAnswer? Fault)> PersonOf(SlackApp app, string user)
    {
        var now = acts.Now;
        if (!_known.TryGetValue((app.Tenant, user), out var known) || known.Until <= now)
        {
            var answer = await slack.Ask(app, "users.info", "user", user);
            if (!answer.Ok)
            {
                return (null, answer);
            }

            if (answer.Text("user", "id") != user || EmailOf(app, answer) is not { } email)
            {
                return (null, new SlackAnswer(null, Nobody));
            }

            known = (email, now + KnownFor);
            if (_known.Count >= 1000)
            {
                _known.Clear();
            }

            _known[(app.Tenant, user)] = known;
        }

        var account = await acts.Read(db => accounts.FindByIdentifier(db, app.Tenant, known.Email), CancellationToken.None);
        return account is { Status: AccountStatus.Active }
            && account.AddressesForSecrets(AddressKind.Email, now).Any(a => Identifier.Normalize(a.Value) == Identifier.Normalize(known.Email))
                ? (account, null)
                : (null, new SlackAnswer(null, Nobody));
    }

    // The address of a user whom we take for somebody. Slack leaves is_email_confirmed out where it does not say.
    private static string? EmailOf(SlackApp app, SlackAnswer answer) =>
        answer.Flag("user", "deleted") != true && answer.Flag("user", "is_bot") != true && answer.Flag("user", "is_stranger") != true
        && answer.Flag("user", "is_email_confirmed") != false
        && (app.Team is null || answer.Text("user", "team_id") == app.Team
            || (app.Enterprise is not null && answer.Text("user", "enterprise_user", "enterprise_id") == app.Enterprise))
            ? answer.Text("user", "profile", "email")
            : null;
}
