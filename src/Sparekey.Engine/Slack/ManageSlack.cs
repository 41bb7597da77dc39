using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Ledger;

namespace Sparekey.Engine.Slack;

/// <summary>
/// Says by which app of Slack a tenant asks its people. Through it people of every role are asked and decide, so the caller's ceiling must
/// be the highest role.
/// </summary>
public sealed class ManageSlack
{
    private const int LongestSecret = 500;
    private const int LongestName = 64;

    private readonly Acts _acts;
    private readonly SlackAppStore _apps;
    private readonly SlackClient _slack;
    private readonly LedgerFeed _ledger;
    private readonly LedgerSequencer _sequencer;
    private readonly TenantActs _tenant;
    private readonly Egress _egress;

    internal ManageSlack(
        Acts acts, SlackAppStore apps, SlackClient slack, LedgerFeed ledger, LedgerSequencer sequencer, TenantActs tenant, Egress egress)
    {
        _acts = acts;
        _apps = apps;
        _slack = slack;
        _ledger = ledger;
        _sequencer = sequencer;
        _tenant = tenant;
        _egress = egress;
    }

    /// <summary>The tenant's app.</summary>
    /// <param name="caller">Who reads; holds <c>tenant:admin</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The app, or <see cref="RefusalCode.SlackNotFound"/>.</returns>
    public async Task<Result<SlackApp>> Read(Caller caller, CancellationToken cancellationToken) =>
        await _acts.Read(db => _apps.Find(db, caller.Tenant), cancellationToken) is { } found ? found : RefusalCode.SlackNotFound;

    /// <summary>Makes or changes the tenant's app. A new one asks about what is requested from now on.</summary>
    /// <param name="caller">Who does it; holds <c>tenant:admin</c> and the highest role as ceiling.</param>
    /// <param name="order">What it shall be.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The app; or <see cref="RefusalCode.InvalidRequest"/> with every fault, <see cref="RefusalCode.AboveCeiling"/>,
    /// <see cref="RefusalCode.SeparationOfDuties"/> for who is not the operator of the machine, <see cref="RefusalCode.VersionConflict"/>
    /// when somebody else changed it at the same moment.
    /// </returns>
    public async Task<Result<SlackApp>> Put(Caller caller, SlackOrder order, CancellationToken cancellationToken)
    {
        // What happened before stays unasked, whether it has its position yet or not.
        await _sequencer.Run(caller.Tenant, cancellationToken);
        return await _tenant.Write(caller, act => Put(act, caller, order), cancellationToken);
    }

    /// <summary>Ends it. What was asked stays in Slack, and nobody can answer it there any more.</summary>
    /// <param name="caller">Who does it.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null; or <see cref="RefusalCode.SlackNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public async Task<Refusal?> Remove(Caller caller, CancellationToken cancellationToken) => (await _tenant.Write<SlackApp>(
        caller,
        async act =>
        {
            if (await _apps.Find(act.Db, act.Tenant) is not { } app)
            {
                return RefusalCode.SlackNotFound;
            }

            await _apps.Delete(act);
            await Record(act, LedgerEvent.SlackRemoved, caller, app);
            return app;
        },
        cancellationToken)).Refusal;

    /// <summary>Asks Slack whether it takes the token.</summary>
    /// <param name="caller">Who does it; holds <c>tenant:admin</c>.</param>
    /// <param name="cancellationToken">Gives up before it begins.</param>
    /// <returns>What Slack says, or <see cref="RefusalCode.SlackNotFound"/>.</returns>
    public async Task<Result<SlackCheck>> Test(Caller caller, CancellationToken cancellationToken)
    {
        if (await _acts.Read(db => _apps.Find(db, caller.Tenant), cancellationToken) is not { } app)
        {
            return RefusalCode.SlackNotFound;
        }

        var answer = await _slack.Test(app);
        if (answer.Ok && answer.Text("team_id") is { } team)
        {
            await _acts.Write(
                caller.Tenant, act => _apps.SetTeam(act, app with { Team = team, Enterprise = answer.Text("enterprise_id") }), CancellationToken.None);
        }

        return new SlackCheck(answer.Ok, answer.Fault, answer.Text("team"), answer.Text("user"));
    }

    private async Task<Result<SlackApp>> Put(Act act, Caller caller, SlackOrder order)
    {
        // Slack says who pressed a button. Whoever says which Slack that is, and what it signs with, speaks for everybody.
        if (!caller.Principal.IsSamePersonAs(Principal.LocalOperator))
        {
            return new Refusal(RefusalCode.SeparationOfDuties, "The operator of the machine says which Slack speaks for people, or a token of theirs.");
        }

        var before = await _apps.Find(act.Db, act.Tenant);
        var known = before is null ? null : _apps.Open(before);
        var token = order.BotToken?.Reveal() ?? known?.BotToken;
        var secret = order.SigningSecret?.Reveal() ?? known?.SigningSecret;
        Uri? url = null;
        if (Faults(order, token, secret, ref url) is { Count: > 0 } faults)
        {
            return new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
        }

        // The old token is not shown to another Slack.
        if (before is not null && url is not null && url != before.BaseUrl && (order.BotToken is null || order.SigningSecret is null))
        {
            return new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/base_url", "Another Slack has another bot_token and signing_secret: give all three.")] };
        }

        // Another token, or another Slack, may be another workspace.
        var sameTeam = before is not null && token == known?.BotToken && (url is null || url == before.BaseUrl);
        var next = new SlackApp(act.Tenant, url ?? before?.BaseUrl ?? SlackApp.Slack, act.Now, (before?.Version ?? 0) + 1)
        {
            Channel = Chosen(order.Channel, before?.Channel),
            ApproverGroup = Chosen(order.ApproverGroup, before?.ApproverGroup),
            ApproveInChat = order.ApproveInChat ?? before?.ApproveInChat ?? false,
            Team = sameTeam ? before!.Team : null,
            Enterprise = sameTeam ? before!.Enterprise : null,
            Position = before?.Position ?? await _ledger.LastPosition(act.Db, act.Tenant),
            Sealed = _apps.Seal(act.Tenant, new SlackSecrets(token!, secret!)),
        };
        if (before is not null && known == new SlackSecrets(token!, secret!)
            && next with { Version = before.Version, ChangedAt = before.ChangedAt, Sealed = before.Sealed } == before)
        {
            return before; // The settings of a start that say what holds already.
        }

        if (!await _apps.Put(act, next))
        {
            return RefusalCode.VersionConflict;
        }

        await Record(act, LedgerEvent.SlackChanged, caller, next);
        return next;
    }

    private List<FieldFault> Faults(SlackOrder order, string? token, string? secret, ref Uri? url)
    {
        var faults = new List<FieldFault>();
        if (order.BaseUrl is { } text
            && !(text.Length <= 500 && Uri.TryCreate(text.EndsWith('/') ? text : text + "/", UriKind.Absolute, out url) && url.UserInfo.Length == 0
                && url.Fragment.Length == 0 && url.Query.Length == 0 && _egress.MayCall(url)))
        {
            faults.Add(new FieldFault("/base_url", "An https address on the public internet, without user name, query and fragment."));
        }

        Check(token, "/bot_token");
        Check(secret, "/signing_secret");
        if (order.Channel is { Length: > 0 } channel && !(channel.Length <= LongestName && channel.All(char.IsAsciiLetterOrDigit)))
        {
            faults.Add(new FieldFault("/channel", "The id of a channel, C0123456789."));
        }

        if (order.ApproverGroup is { Length: > LongestName })
        {
            faults.Add(new FieldFault("/approver_group", "A group's name."));
        }

        return faults;

        // What stands in a header must not hold what ends one.
        void Check(string? text, string pointer)
        {
            if (text is not { Length: >= 8 and <= LongestSecret } || text.Any(c => c is <= ' ' or >= (char)127))
            {
                faults.Add(new FieldFault(pointer, "As Slack shows it: 8 to 500 characters."));
            }
        }
    }

    private static string? Chosen(string? wanted, string? before) => wanted is null ? before : wanted.Length == 0 ? null : wanted;

    private static Task Record(Act act, LedgerEvent happened, Caller caller, SlackApp app) =>
        act.Record(new LedgerEntry(happened, caller.Principal)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["host"] = app.BaseUrl.Host,
                ["channel"] = app.Channel,
                ["approver_group"] = app.ApproverGroup,
                ["approve_in_chat"] = app.ApproveInChat,
                ["version"] = app.Version,
                ["correlation_id"] = caller.CorrelationId,
            },
        });
}
