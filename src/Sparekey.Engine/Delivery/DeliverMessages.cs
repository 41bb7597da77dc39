using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Telemetry;

namespace Sparekey.Engine.Delivery;

/// <summary>How mail is doing.</summary>
public enum MailState
{
    /// <summary>No mail server is configured: messages wait.</summary>
    Off,

    /// <summary>The last mail left, or none had to.</summary>
    Ok,

    /// <summary>The last mail did not leave.</summary>
    Failing,
}

/// <summary>
/// Sends what waits in the outbox. A message is claimed in one act, sent outside of any, and erased and ledgered in another. So it
/// leaves at least once: if the process dies after the server took it and before the second act, it is sent again once the claim
/// has run out, under the same Message-ID, by which a mail server or reader can tell. At most once was rejected: the only copy of
/// somebody's way back into their account would be lost.
/// </summary>
public sealed partial class DeliverMessages : BackgroundService
{
    private const string Work = "Mail";

    private const int AtOnce = 8;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Acts _acts;
    private readonly OutboxQueue _queue;
    private readonly MessageAddressing _addressing;
    private readonly MailComposer _composer;
    private readonly SmtpMailer? _mailer;
    private readonly PhoneComposer _spoken;
    private readonly PhoneGateway? _phone;
    private readonly MessageRoute[] _open;
    private readonly TimeProvider _time;
    private readonly ILogger<DeliverMessages> _log;
    private volatile MailState _state;

    internal DeliverMessages(
        Acts acts, OutboxQueue queue, MessageAddressing addressing, MailComposer composer, PhoneComposer spoken, Egress egress,
        EngineOptions options, TimeProvider time, ILogger<DeliverMessages> log)
    {
        _acts = acts;
        _queue = queue;
        _addressing = addressing;
        _composer = composer;
        _mailer = options.Mail is { } mail ? new SmtpMailer(mail) : null;
        _spoken = spoken;
        _phone = options.Phone is { } phone ? new PhoneGateway(phone, egress, acts) : null;
        _open = [.. OpenRoutes(options)];
        _time = time;
        _log = log;
        _state = _mailer is null ? MailState.Off : MailState.Ok;
    }

    /// <summary>How mail is doing.</summary>
    public MailState State => _state;

    /// <summary>Sends everything that is due, of every tenant in turn; without a mail server it only drops what expired.</summary>
    /// <param name="cancellationToken">Stops before the next mail; those on their way are seen to their end.</param>
    /// <returns>How many mails left.</returns>
    /// <exception cref="StorageUnavailableException">Storage cannot serve now; the next round finds the same work.</exception>
    public async Task<int> RunOnce(CancellationToken cancellationToken)
    {
        var tenants = await _acts.Read(db => db.List<string>("SELECT id FROM tenants ORDER BY id"), cancellationToken);
        var (sent, more) = (0, true);
        while (more)
        {
            more = false;
            foreach (var tenant in tenants.Select(TenantId.Parse))
            {
                await DropExpired(tenant, cancellationToken);
                var (tried, left) = await SendSome(tenant, cancellationToken);
                sent += left;

                // Where nothing of a whole batch got through, the next one would not either: it waits for the next round.
                more |= tried >= AtOnce && left > 0;
            }
        }

        return sent;
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_mailer is null)
        {
            LogOff(_log);
        }

        return Rounds.Run(Work, RunOnce, Pause, _time, _log, stoppingToken);
    }

    private async Task<(int Tried, int Left)> SendSome(TenantId tenant, CancellationToken cancellationToken)
    {
        if (_open.Length == 0 || !await _acts.Read(db => _queue.AnyDue(db, tenant, _acts.Now, _open), cancellationToken))
        {
            return (0, 0);
        }

        // Long enough for the slowest mail and its acts, so that nobody else claims what is on its way.
        var until = _acts.Now + (2 * Timeout) + TimeSpan.FromMinutes(1);
        var claimed = await _acts.Write(tenant, act => Claim(act, until), cancellationToken);
        var left = await Task.WhenAll(claimed.Select(message => Deliver(tenant, message, cancellationToken)));
        return (claimed.Count, left.Count(l => l));
    }

    private async Task<IReadOnlyList<QueuedMessage>> Claim(Act act, DateTimeOffset until)
    {
        var messages = new List<QueuedMessage>();
        foreach (var claimed in await _queue.Claim(act, until, AtOnce, _open))
        {
            var (addressed, why) = await _addressing.Address(act, claimed, until);
            foreach (var message in addressed)
            {
                if (_open.Contains(message.Route))
                {
                    messages.Add(message);
                }
                else
                {
                    await _queue.Release(act, message); // It waits for its way to open.
                }
            }

            if (why is { } reason)
            {
                await GiveUp(act, claimed, reason, null);
            }
        }

        return messages;
    }

    private async Task<bool> Deliver(TenantId tenant, QueuedMessage message, CancellationToken cancellationToken)
    {
        try
        {
            if (cancellationToken.IsCancellationRequested)
            {
                await _acts.Write(tenant, act => _queue.Release(act, message), CancellationToken.None);
                return false;
            }

            return await Send(tenant, message);
        }
        catch (StorageUnavailableException e)
        {
            Rounds.LogStorage(_log, e, Work);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // One message that cannot be written must not keep the others: it waits like one that failed, and dies in a day.
            LogMessageBug(_log, e, message.Kind, message.Id);
            await _acts.Write(tenant, act => Failed(act, message, new SendOutcome(false, Permanent: false, null)), CancellationToken.None);
        }

        return false;
    }

    private async Task<bool> Send(TenantId tenant, QueuedMessage message)
    {
        using var span = Measures.Delivery("deliver message");
        span?.SetTag("sparekey.message.kind", WireName.Of(message.Kind)).SetTag("sparekey.attempt", message.Attempts + 1);
        var (outcome, address) = message.Route is MessageRoute.Sms or MessageRoute.Voice
            ? await SendToPhone(tenant, message)
            : await SendMail(tenant, message);
        var channel = message.Route is MessageRoute.Any ? "mail" : WireName.Of(message.Route);
        if (outcome is null)
        {
            Measures.Delivered(span, channel, "dropped", null);
            return false;
        }

        Measures.Delivered(span, channel, outcome.Sent ? "sent" : outcome.Permanent ? "refused" : "failed", outcome.Code);
        if (!outcome.Sent)
        {
            LogFailed(_log, message.Kind, message.Id, outcome.Code);
            await _acts.Write(tenant, act => Failed(act, message, outcome), CancellationToken.None);
            return false;
        }

        // If the process dies before this act, the message is sent again: see the class.
        await _acts.Write(tenant, act => Sent(act, message, address), CancellationToken.None);
        return true;
    }

    private async Task<(SendOutcome? Outcome, AddressId? Address)> SendMail(TenantId tenant, QueuedMessage message)
    {
        var composed = await _acts.Read(db => _composer.Compose(db, tenant, message), CancellationToken.None);
        if (composed is not { } mail || !await IsStillToSend(tenant, message))
        {
            return (null, null);
        }

        var outcome = await _mailer!.Send(mail.Mail, CancellationToken.None);
        _state = outcome.Sent || outcome.Permanent ? MailState.Ok : MailState.Failing;
        return (outcome, mail.Address);
    }

    private async Task<(SendOutcome? Outcome, AddressId? Address)> SendToPhone(TenantId tenant, QueuedMessage message)
    {
        var composed = await _acts.Read(db => _spoken.Compose(db, tenant, message), CancellationToken.None);
        return composed is { } text && await IsStillToSend(tenant, message)
            ? (await _phone!.Send(text, CancellationToken.None), text.Address)
            : (null, null);
    }

    // The last look: a secret that died meanwhile has no row any more, and does not leave.
    private Task<bool> IsStillToSend(TenantId tenant, QueuedMessage message) =>
        _acts.Read(db => _queue.IsStillToSend(db, tenant, message, _acts.Now, Timeout), CancellationToken.None);

    private TimeSpan Timeout => _mailer is { } mailer && mailer.Timeout > PhoneGateway.Timeout ? mailer.Timeout : PhoneGateway.Timeout;

    // What goes to telephones is taken up though nobody sends there: it is undeliverable then.
    private static IEnumerable<MessageRoute> OpenRoutes(EngineOptions options) =>
        options.Mail is null && options.Phone is null ? []
        : options.Mail is null ? [MessageRoute.Any, MessageRoute.Sms, MessageRoute.Voice]
        : [MessageRoute.Any, MessageRoute.Mail, MessageRoute.Sms, MessageRoute.Voice];

    // It is recorded even where its row is gone: the mail did leave.
    private async Task<bool> Sent(Act act, QueuedMessage message, AddressId? address)
    {
        await _queue.Delete(act, message.Id);
        await act.Record(Entry(
            LedgerEvent.MessageSent, message, ("address", address?.ToString()), ("attempts", message.Attempts + 1)));
        return true;
    }

    private async Task<bool> Failed(Act act, QueuedMessage message, SendOutcome outcome)
    {
        var next = RetrySchedule.Next(message.Attempts + 1, message.FailingSince ?? act.Now, act.Now);
        if (next is { } then && outcome.RetryAfter is { } asked && act.Now + asked > then)
        {
            next = act.Now + (asked < RetrySchedule.GiveUpAfter ? asked : RetrySchedule.GiveUpAfter);
        }

        if (outcome.Permanent || next is null)
        {
            await GiveUp(
                act, message with { Attempts = message.Attempts + 1 }, outcome.Permanent ? Undeliverable.Refused : Undeliverable.TriedTooLong,
                outcome.Code);
        }
        else
        {
            await _queue.Postpone(act, message, next.Value);
        }

        return true;
    }

    // What a message whose secret expired would have said is worth nothing to anybody, so it leaves no dead letter.
    private async Task GiveUp(Act act, QueuedMessage message, Undeliverable why, int? code)
    {
        if (await _queue.Delete(act, message.Id) == 0)
        {
            return;
        }

        if (why != Undeliverable.Expired)
        {
            await _queue.Bury(act, message, why, code);
        }

        await act.Record(Entry(
            LedgerEvent.MessageUndeliverable, message, ("why", WireName.Of(why)), ("smtp_code", code), ("attempts", message.Attempts)));
    }

    private async Task DropExpired(TenantId tenant, CancellationToken cancellationToken)
    {
        if ((await _acts.Read(db => _queue.Expired(db, tenant, _acts.Now, 1), cancellationToken)).Count == 0)
        {
            return;
        }

        await _acts.Write(
            tenant,
            async act =>
            {
                var expired = await _queue.Expired(act.Db, tenant, act.Now, 100);
                foreach (var message in expired)
                {
                    await GiveUp(act, message, Undeliverable.Expired, null);
                }

                return expired.Count;
            },
            cancellationToken);
    }

    private static LedgerEntry Entry(LedgerEvent happened, QueuedMessage message, params ReadOnlySpan<(string Name, object? Value)> facts)
    {
        var all = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["message"] = message.Id.ToString(),
            ["kind"] = WireName.Of(message.Kind),
            ["route"] = WireName.Of(message.Route),
        };
        foreach (var (name, value) in facts)
        {
            if (value is not null)
            {
                all[name] = value;
            }
        }

        return new LedgerEntry(happened, Principal.System, message.Account, message.Recovery) { Facts = all };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Mail is off: no mail server is configured, and messages wait")]
    private static partial void LogOff(ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The message {Kind} {Message} did not leave; whoever sends it answered {Code}")]
    private static partial void LogFailed(ILogger logger, MessageKind kind, MessageId message, int? code);

    [LoggerMessage(Level = LogLevel.Error, Message = "The message {Kind} {Message} could not be written")]
    private static partial void LogMessageBug(ILogger logger, Exception exception, MessageKind kind, MessageId message);
}
