using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Ledger;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Slack;

/// <summary>
/// Asks people in Slack, shows them how it goes on, and does what they answer. What there is to ask comes from the ledger, each entry
/// once; a question is claimed in one act, sent outside of any, settled in another. So it leaves at least once: if the process dies after
/// Slack took it and before the last act, it is sent again once the claim has run out, under the same <c>client_msg_id</c>. Where Slack
/// then shows it twice, the first button that is pressed decides and the second finds it decided. What a question shows is read when it
/// leaves, so that what waited long says what holds now. Each tenant has a lane of its own.
/// </summary>
public sealed partial class TellSlack : BackgroundService
{
    private const string Work = "Slack";
    private const int EntriesAtOnce = 100;
    private const int CallsAtOnce = 4;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // Longer than the egress takes for the slowest calls of one message, with their acts.
    private static readonly TimeSpan ClaimFor = TimeSpan.FromMinutes(3);

    // Somebody who pressed a button has gone on by then.
    private static readonly TimeSpan AnswersWithin = TimeSpan.FromMinutes(10);

    // What trying again never changes. All else speaks of us or of Slack, and what an operator mends must find its messages waiting.
    private static readonly HashSet<string> ForGood = new(StringComparer.Ordinal)
    {
        "users_not_found", "user_not_found", "user_disabled", "cannot_dm_bot", "invalid_blocks", "invalid_blocks_format", "msg_too_long",
        "messages_tab_disabled", "restricted_action",
    };

    private static readonly HashSet<string> NotThereAnyMore = new(StringComparer.Ordinal)
    {
        "message_not_found", "cant_update_message", "edit_window_closed",
    };

    private readonly Acts _acts;
    private readonly SlackAppStore _apps;
    private readonly SlackMessageStore _messages;
    private readonly SlackPressStore _presses;
    private readonly SlackQuestions _questions;
    private readonly SlackPeople _people;
    private readonly AccountStore _accounts;
    private readonly SlackClient _slack;
    private readonly AnswerSlackPress _answers;
    private readonly LedgerFeed _ledger;
    private readonly LedgerSequencer _sequencer;
    private readonly TimeProvider _time;
    private readonly ILogger<TellSlack> _log;
    private readonly ConcurrentDictionary<TenantId, Task> _lanes = new();
    private readonly Lock _gate = new();

    internal TellSlack(
        Acts acts, SlackAppStore apps, SlackMessageStore messages, SlackPressStore presses, SlackQuestions questions, SlackPeople people,
        AccountStore accounts, SlackClient slack, AnswerSlackPress answers, LedgerFeed ledger, LedgerSequencer sequencer, TimeProvider time,
        ILogger<TellSlack> log)
    {
        _acts = acts;
        _apps = apps;
        _messages = messages;
        _presses = presses;
        _questions = questions;
        _people = people;
        _accounts = accounts;
        _slack = slack;
        _answers = answers;
        _ledger = ledger;
        _sequencer = sequencer;
        _time = time;
        _log = log;
    }

    /// <summary>Does what people pressed, and asks and shows all that is due; waits until nothing is.</summary>
    /// <param name="cancellationToken">Stops before the next call; those on their way are seen to their end.</param>
    public async Task RunOnce(CancellationToken cancellationToken)
    {
        // A lane that runs already may have looked before what the caller waits for was there.
        await Task.WhenAll(_lanes.Values);
        await Start(cancellationToken);
        await Task.WhenAll(_lanes.Values);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Rounds.Run(Work, Start, Pause, _time, _log, stoppingToken);
        await Task.WhenAll(_lanes.Values).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task Start(CancellationToken cancellationToken)
    {
        foreach (var tenant in await _acts.Read(_apps.Tenants, cancellationToken))
        {
            lock (_gate)
            {
                if (!_lanes.TryGetValue(tenant, out var running) || running.IsCompleted)
                {
                    _lanes[tenant] = Task.Run(() => Lane(tenant, cancellationToken), CancellationToken.None);
                }
            }
        }
    }

    private async Task Lane(TenantId tenant, CancellationToken cancellationToken)
    {
        try
        {
            while (!cancellationToken.IsCancellationRequested && await _acts.Read(db => _apps.Find(db, tenant), cancellationToken) is { } app)
            {
                await _sequencer.Run(tenant, cancellationToken);
                var moved = await ReadLedger(app, cancellationToken);
                if (!await IsAnythingDue(tenant, cancellationToken))
                {
                    if (moved)
                    {
                        continue;
                    }

                    return;
                }

                // Presses first: what they decide is what the messages then show.
                app = await WithTeam(app);
                if (await AnswerSome(app, cancellationToken) + await SendSome(app, cancellationToken) == 0)
                {
                    return;
                }
            }
        }
        catch (StorageUnavailableException e)
        {
            Rounds.LogStorage(_log, e, Work);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogBug(_log, e, tenant);
        }
    }

    private Task<bool> IsAnythingDue(TenantId tenant, CancellationToken cancellationToken) => _acts.Read(
        async db => await _presses.AnyDue(db, tenant, _acts.Now) || await _messages.AnyDue(db, tenant, _acts.Now), cancellationToken);

    // If the process dies within, the app's position stands where its questions do: none is missing and none is asked twice.
    private async Task<bool> ReadLedger(SlackApp app, CancellationToken cancellationToken)
    {
        var entries = await _acts.Read(db => _ledger.EntriesAfter(db, app.Tenant, app.Position, EntriesAtOnce), cancellationToken);
        if (entries.Count == 0)
        {
            return false;
        }

        var touched = entries.Select(e => RecoveryOf(e.Body)).OfType<RecoveryId>().Distinct().ToList();
        return await _acts.Write(
            app.Tenant,
            async act =>
            {
                if (await _apps.Advance(act, app, entries[^1].Position) == 0)
                {
                    return false;
                }

                foreach (var recovery in touched)
                {
                    await _questions.Note(act, app, recovery);
                }

                return true;
            },
            cancellationToken);
    }

    private static RecoveryId? RecoveryOf(byte[] entry)
    {
        var read = JsonNode.Parse(entry)!.AsObject();
        return read["event"]!.GetValue<string>() is var happened && happened.StartsWith("recovery_", StringComparison.Ordinal)
            && happened != WireName.Of(LedgerEvent.RecoveryTryRefused)
            && Ids.TryParse<RecoveryId>(read["recovery"]?.GetValue<string>(), out var id)
                ? id
                : null;
    }

    // Whose workspace it is says whose users count. Until Slack has said it once, everybody of the token's own workspace does.
    private async Task<SlackApp> WithTeam(SlackApp app)
    {
        if (app.Team is not null || await _slack.Test(app) is not { Ok: true } answer || answer.Text("team_id") is not { } team)
        {
            return app;
        }

        var known = app with { Team = team, Enterprise = answer.Text("enterprise_id") };
        await _acts.Write(app.Tenant, act => _apps.SetTeam(act, known), CancellationToken.None);
        return known;
    }

    private async Task<int> AnswerSome(SlackApp app, CancellationToken cancellationToken)
    {
        var claimed = await _acts.Read(db => _presses.AnyDue(db, app.Tenant, _acts.Now), cancellationToken)
            ? await _acts.Write(app.Tenant, act => _presses.Claim(act, act.Now + ClaimFor, CallsAtOnce), cancellationToken)
            : [];

        // One after the other: of two buttons that somebody pressed the first one counts.
        foreach (var press in claimed)
        {
            await Answer(app, press);
        }

        return claimed.Count;
    }

    private async Task Answer(SlackApp app, SlackPress press)
    {
        var outcome = await _answers.Run(app, press);
        var next = outcome.RetryAfter is { } wait && _acts.Now + wait < press.At + AnswersWithin ? _acts.Now + wait : (DateTimeOffset?)null;
        await _acts.Write(app.Tenant, act => _presses.Settle(act, press, outcome.Why ?? "done", next), CancellationToken.None);
        if (outcome.Why is { } why && next is null)
        {
            // Once, and nothing hangs on it: what was decided stands in the message itself.
            await _slack.Call(app, "chat.postEphemeral", new JsonObject
            {
                ["channel"] = press.Conversation, ["user"] = press.User, ["text"] = SlackWords.Of(outcome.Language).NotDone(why),
            });
        }
    }

    private async Task<int> SendSome(SlackApp app, CancellationToken cancellationToken)
    {
        var claimed = await _acts.Read(db => _messages.AnyDue(db, app.Tenant, _acts.Now), cancellationToken)
            ? await _acts.Write(app.Tenant, act => _messages.Claim(act, act.Now + ClaimFor, CallsAtOnce), cancellationToken)
            : [];
        await Task.WhenAll(claimed.Select(message => Send(app, message, cancellationToken)));
        return claimed.Count;
    }

    private async Task Send(SlackApp app, SlackMessage message, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            await _acts.Write(app.Tenant, act => _messages.Release(act, message), CancellationToken.None);
            return;
        }

        var question = await _acts.Read(db => _questions.Read(db, app, message, _acts.Now), CancellationToken.None);
        if (question is null || (message.Ts is null && !question.Asks))
        {
            await _acts.Write(
                app.Tenant, act => _messages.Settle(act, message with { State = SlackMessageState.Dropped, DueAt = null }), CancellationToken.None);
            return;
        }

        var (text, blocks, hash) = SlackText.Write(question);
        var (sent, answer) = message.Ts is null ? await Post(app, message, text, blocks) : await Update(app, message, text, blocks, hash);

        // If the process dies before this act, the message is sent again: see the class.
        await _acts.Write(app.Tenant, act => Settle(act, sent with { Shown = answer.Ok ? hash : message.Shown }, answer), CancellationToken.None);
    }

    private async Task<(SlackMessage Sent, SlackAnswer Answer)> Post(SlackApp app, SlackMessage message, string text, JsonArray blocks)
    {
        var (conversation, fault) = await ConversationOf(app, message);
        if (conversation is null)
        {
            return (message, fault!);
        }

        var answer = await _slack.Call(app, "chat.postMessage", new JsonObject
        {
            ["channel"] = conversation, ["text"] = text, ["blocks"] = blocks, ["client_msg_id"] = message.Id.ToString(),
            ["unfurl_links"] = false, ["unfurl_media"] = false,
        });
        return answer switch
        {
            { Ok: true } when answer.Text("ts") is { Length: <= 64 } ts =>
                (message with { Conversation = answer.Text("channel") ?? conversation, Ts = ts }, answer),
            { Ok: true } => (message, new SlackAnswer(null, "garbage")),
            _ => (message with { Conversation = message.Target == SlackMessage.ToChannel ? null : conversation }, answer),
        };
    }

    private async Task<(SlackMessage Sent, SlackAnswer Answer)> Update(
        SlackApp app, SlackMessage message, string text, JsonArray blocks, string hash) =>
        message.Shown == hash
            ? (message, new SlackAnswer(null, null))
            : (message, await _slack.Call(app, "chat.update", new JsonObject
            {
                ["channel"] = message.Conversation, ["ts"] = message.Ts, ["text"] = text, ["blocks"] = blocks,
            }));

    private async Task<(string? Conversation, SlackAnswer? Fault)> ConversationOf(SlackApp app, SlackMessage message)
    {
        if (message.Target == SlackMessage.ToChannel)
        {
            return app.Channel is { } channel ? (channel, null) : (null, new SlackAnswer(null, "no_channel"));
        }

        if (message.Conversation is { } known)
        {
            return (known, null);
        }

        if (!Ids.TryParse<AccountId>(message.Target, out var id)
            || await _acts.Read(db => _accounts.Find(db, app.Tenant, id), CancellationToken.None) is not { } account)
        {
            return (null, new SlackAnswer(null, "users_not_found"));
        }

        var (user, fault) = await _people.UserOf(app, account);
        if (user is null)
        {
            return (null, fault);
        }

        var opened = await _slack.Call(app, "conversations.open", new JsonObject { ["users"] = user });
        return opened.Text("channel", "id") is { Length: <= 64 } conversation && opened.Ok
            ? (conversation, null)
            : (null, opened.Ok ? new SlackAnswer(null, "garbage") : opened);
    }

    private async Task<bool> Settle(Act act, SlackMessage sent, SlackAnswer answer)
    {
        if (answer.Fault is not { } fault || NotThereAnyMore.Contains(fault))
        {
            await _messages.Settle(act, sent with
            {
                State = SlackMessageState.Sent, Attempts = 0, FailingSince = null, Fault = answer.Fault, DueAt = null,
            });
            if (sent.State == SlackMessageState.Waiting)
            {
                await act.Record(Entry(LedgerEvent.MessageSent, sent, ("attempts", sent.Attempts + 1)));
            }

            return true;
        }

        var failed = sent with { Attempts = sent.Attempts + 1, FailingSince = sent.FailingSince ?? act.Now, Fault = fault };
        var next = ForGood.Contains(fault) ? null : RetrySchedule.Next(failed.Attempts, failed.FailingSince.Value, act.Now);
        if (next is { } then && answer.RetryAfter is { } asked && act.Now + asked > then)
        {
            next = act.Now + (asked < RetrySchedule.GiveUpAfter ? asked : RetrySchedule.GiveUpAfter);
        }

        LogFailed(_log, sent.Id, fault);
        if (await _messages.Settle(act, failed with { State = next is null ? SlackMessageState.Dead : sent.State, DueAt = next }) == 1 && next is null)
        {
            await act.Record(Entry(LedgerEvent.MessageUndeliverable, failed, ("why", fault), ("attempts", failed.Attempts)));
        }

        return false;
    }

    private static LedgerEntry Entry(LedgerEvent happened, SlackMessage message, params ReadOnlySpan<(string Name, object Value)> facts)
    {
        var all = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["message"] = message.Id.ToString(),
            ["kind"] = KindOf(message.Role),
            ["route"] = WireName.Of(MessageRoute.Slack),
            ["to"] = message.Target,
        };
        foreach (var (name, value) in facts)
        {
            all[name] = value;
        }

        return new LedgerEntry(happened, Principal.System, message.Account, message.Recovery) { Facts = all };
    }

    /// <summary>What a question is called where messages of all kinds are listed.</summary>
    /// <param name="role">Whom it is put to.</param>
    internal static string KindOf(SlackRole role) => role == SlackRole.Person ? "slack_confirmation" : "slack_approval";

    [LoggerMessage(Level = LogLevel.Warning, Message = "Slack did not take the message {Message}: {Fault}")]
    private static partial void LogFailed(ILogger logger, MessageId message, string fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "Slack could not be told for the tenant {Tenant}")]
    private static partial void LogBug(ILogger logger, Exception exception, TenantId tenant);
}
