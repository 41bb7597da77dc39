using System.Text.Json.Nodes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Passbolt;

/// <summary>
/// Watches a Passbolt server: makes its people known, makes each pending request of theirs a recovery here, tells it what came of them.
/// It decides nothing: policy, confirmations and approvals are those of every recovery, and answers are made where those of Sparekey's own
/// escrow are. One look after the other; what goes wrong in one is found again by the next, later and later while it goes on. If the
/// process dies anywhere, the next look finds the same work: a request is pulled once (its id is unique), and an answer that was told but
/// not noted is found to be our own.
/// </summary>
public sealed partial class PassboltCompanion : BackgroundService
{
    private const string Work = "Passbolt companion";
    private const string Answers = "/account-recovery/responses.json";
    private const string Model = "AccountRecoveryOrganizationKey";
    private const int PageOfRequests = 100;
    private const int MostPages = 20;
    private const int StartsAtOnce = 20;

    // Of requests that are not known yet, in one look: a list of thousands is worked through over some looks.
    private const int PullsAtOnce = 100;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan PeopleEvery = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan RefusedAgainAfter = TimeSpan.FromMinutes(5);

    private readonly Acts _acts;
    private readonly CompanionOptions _options;
    private readonly PassboltClient _client;
    private readonly CompanionStore _store;
    private readonly CompanionKeys _keys;
    private readonly CompanionServer _server;
    private readonly PullPeople _people;
    private readonly CompanionRequests _requests;
    private readonly RecoveryStore _recoveries;
    private readonly IncidentStore _incidents;
    private readonly Leases _leases;
    private readonly TimeProvider _time;
    private readonly ILogger<PassboltCompanion> _log;
    private readonly SemaphoreSlim _one = new(1);

    // Requests that were looked at and are not waited for here, by their ids there: until when they are not looked at again, and whether
    // the ledger says why.
    private readonly Dictionary<Guid, (DateTimeOffset Until, bool Said)> _looked = [];
    private readonly Stumbles _stumbles = new();

    private string? _why;
    private int _failures;
    private DateTimeOffset _due = DateTimeOffset.MinValue;

    internal PassboltCompanion(
        Acts acts, CompanionOptions options, PassboltClient client, CompanionStore store, CompanionKeys keys, CompanionServer server,
        PullPeople people, CompanionRequests requests, RecoveryStore recoveries, IncidentStore incidents, Leases leases, TimeProvider time,
        ILogger<PassboltCompanion> log)
    {
        _acts = acts;
        _options = options;
        _client = client;
        _store = store;
        _keys = keys;
        _server = server;
        _people = people;
        _requests = requests;
        _recoveries = recoveries;
        _incidents = incidents;
        _leases = leases;
        _time = time;
        _log = log;
    }

    /// <summary>Looks once, now.</summary>
    /// <param name="cancellationToken">Stops between two calls.</param>
    /// <returns>What went wrong, in one word; null when nothing did.</returns>
    /// <exception cref="StorageUnavailableException">Storage cannot serve now; the next look finds the same work.</exception>
    public async Task<string?> RunOnce(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            // Beside another process's looks this one would only ask everything twice.
            if (!await _acts.Write(_options.Tenant, act => _leases.Take(act, Work, Lease), cancellationToken))
            {
                return null;
            }

            var (answer, left) = await LookAtAll(cancellationToken);
            await Note(answer, left, cancellationToken);
            return left is { } fault ? WireName.Of(fault) : null;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Rounds.Run(Work, Round, Pause, _time, _log, stoppingToken);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        await _client.SignOut(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _one.Dispose();
        base.Dispose();
    }

    /// <summary>Looks where it is time to. Answers that wait leave at once, but not while the server is left in peace.</summary>
    /// <param name="cancellationToken">Stops between two calls.</param>
    internal async Task Round(CancellationToken cancellationToken)
    {
        var hurry = _failures == 0 && _server.TakeHurry();
        if (hurry || _acts.Now >= _due || _due - _acts.Now > PassboltHttp.MostPatient)
        {
            await RunOnce(cancellationToken);
        }
    }

    // What ended the look, if anything did, and what went wrong at all: with the look, or with a single thing of it.
    private async Task<(PassboltAnswer Ended, PassboltFault? Left)> LookAtAll(CancellationToken cancellationToken)
    {
        _stumbles.Begin();
        try
        {
            var answer = await Look(cancellationToken);
            if (answer.Ok)
            {
                _stumbles.End();
            }

            return (answer, answer.Ok ? _stumbles.Fault : answer.Fault);
        }
        catch (Exception e) when (e is not (OperationCanceledException or StorageUnavailableException))
        {
            // That server said something that nobody thought of. It is a fault like others, and waits like others.
            LogUnexpected(_log, e);
            return (new PassboltAnswer(PassboltFault.Garbage), PassboltFault.Garbage);
        }
    }

    private async Task<PassboltAnswer> Look(CancellationToken cancellationToken)
    {
        var answer = await _client.Get(RemotePolicy.Path, cancellationToken);
        if (!answer.Ok)
        {
            return answer;
        }

        var read = RemotePolicy.Read(answer);
        if (read.Refusal is not null)
        {
            return new PassboltAnswer(PassboltFault.Garbage);
        }

        string? held;
        try
        {
            held = _keys.RecoveryFingerprint();
        }
        catch (Exception e) when (e is SecretFileException or OpenPgpUnavailableException)
        {
            return new PassboltAnswer(PassboltFault.OwnKey) { Why = e.Message };
        }

        var state = await _acts.Read(db => _store.Find(db, _options.Tenant), cancellationToken);
        if (state?.PeopleAt is not { } at || _acts.Now - at >= PeopleEvery || _acts.Now < at)
        {
            answer = await Alone(Guid.Empty, () => ReadPeople(cancellationToken));
            if (answer.ConcernsAll)
            {
                return answer;
            }
        }

        // What was decided leaves first: whatever else that server fails at, people wait for it.
        var mayAnswer = await CompareKeys(read.Value, held, cancellationToken);
        answer = mayAnswer && read.Value is { } policy ? await PostAnswers(policy, cancellationToken) : answer;
        if (answer.ConcernsAll || !await Goes(cancellationToken))
        {
            return answer.ConcernsAll ? answer : new PassboltAnswer(PassboltFault.None);
        }

        foreach (var (recovery, account) in await _acts.Read(db => _store.Starts(db, _options.Tenant, StartsAtOnce), cancellationToken))
        {
            answer = await Alone(recovery.Value, () => StartThere(recovery, account, cancellationToken));
            if (answer.ConcernsAll)
            {
                return answer;
            }
        }

        return await Goes(cancellationToken) ? await PullRequests(read.Value, cancellationToken) : new PassboltAnswer(PassboltFault.None);
    }

    // A look may take longer than its lease: it is taken on between two steps, so that another process does not begin the same.
    private Task<bool> Goes(CancellationToken cancellationToken) =>
        _acts.Write(_options.Tenant, act => _leases.Take(act, Work, Lease), cancellationToken);

    // One thing of a look. What goes wrong with it alone is remembered, and the look goes on.
    private async Task<PassboltAnswer> Alone(Guid id, Func<Task<PassboltAnswer>> work)
    {
        if (!_stumbles.MayTry(id, _acts.Now))
        {
            return new PassboltAnswer(PassboltFault.None);
        }

        var answer = await work();
        if (answer.Ok)
        {
            _stumbles.Done(id);
        }
        else if (!answer.ConcernsAll)
        {
            _stumbles.Failed(id, answer.Fault, _acts.Now);
        }

        return answer;
    }

    private async Task<PassboltAnswer> ReadPeople(CancellationToken cancellationToken)
    {
        var answer = await _people.Run(cancellationToken);
        if (answer.Ok)
        {
            await _acts.Write(_options.Tenant, act => Change(act, s => s with { PeopleAt = act.Now }), cancellationToken);
        }

        return answer;
    }

    // 1. The organisation's key there is compared with the one here, or with the one that was seen last where none is here.
    private Task<bool> CompareKeys(RemotePolicy? policy, string? held, CancellationToken cancellationToken) => _acts.Write(
        _options.Tenant,
        async act =>
        {
            if (await _store.Find(act.Db, act.Tenant) is not { } state)
            {
                return false;
            }

            // Where escrow is disabled there is no key to compare, and nothing is mended by that.
            if (policy?.Key.Fingerprint is not { } now)
            {
                return false;
            }

            if (held is not null && held != now)
            {
                await Raise(act, state, CompanionAlarm.OrganisationKeyChanged, held, now);
                return false;
            }

            if (held is null && state.OrganisationKey is { } seen && seen != now)
            {
                // Whoever completes brings the key, and it is compared with the secret's: it is said once, and goes on.
                await Tell(act, LedgerEvent.CompanionAlarmRaised, CompanionAlarm.OrganisationKeyChanged, seen, now);
            }

            if (state.Alarm is { } former)
            {
                await Tell(act, LedgerEvent.CompanionAlarmEnded, former, state.OrganisationKey, now);
            }

            if (state.Alarm is not null || state.OrganisationKey != now)
            {
                await _store.Put(act, state with { Alarm = null, AlarmAt = null, OrganisationKey = now });
            }

            return true;
        },
        cancellationToken);

    private async Task Raise(Act act, CompanionState state, CompanionAlarm alarm, string? before, string? now)
    {
        // Of one key it is said once; of the next one again.
        if (state.Alarm == alarm && (now is null || state.OrganisationKey == now))
        {
            return;
        }

        await _store.Put(act, state with { Alarm = alarm, AlarmAt = act.Now, OrganisationKey = now ?? state.OrganisationKey });
        await Tell(act, LedgerEvent.CompanionAlarmRaised, alarm, before, now);
    }

    // Somebody with power over that server did it, or somebody who took it: the companion's own user stands for the organisation.
    private async Task Tell(Act act, LedgerEvent happened, CompanionAlarm alarm, string? before, string? now)
    {
        var own = await _store.FindPerson(act.Db, act.Tenant, _options.UserId);
        if (happened == LedgerEvent.CompanionAlarmRaised)
        {
            act.Then(() => LogAlarm(_log, alarm, before, now));
            if (own is not null && await _incidents.Say(act, own.Account, []) is { IsNew: true } opened)
            {
                await act.Record(new LedgerEntry(LedgerEvent.IncidentOpened, Principal.System, own.Account)
                {
                    Facts = Facts(("incident", opened.Incident.Id.ToString()), ("alarm", WireName.Of(alarm))),
                });
            }
        }

        await act.Record(new LedgerEntry(happened, Principal.System, own?.Account)
        {
            Facts = Facts(("alarm", WireName.Of(alarm)), ("key_before", before), ("key_now", now)),
        });
    }

    // 2. Whom people here want to begin there, that server mails.
    private async Task<PassboltAnswer> StartThere(RecoveryId id, AccountId account, CancellationToken cancellationToken)
    {
        var (recovery, person) = await _acts.Read(
            async db => (await _recoveries.Find(db, _options.Tenant, id), await _store.FindPerson(db, _options.Tenant, account)), cancellationToken);
        var answer = new PassboltAnswer(PassboltFault.None);
        if (recovery is { IsClosed: false } && _acts.Now < recovery.OpenUntil && person is { State: PersonState.Active, Username: { } username })
        {
            // As anybody may ask it, who forgot who they are: of those who are signed in it hears administrators alone.
            answer = await _client.PostAsGuest(
                "/users/recover.json", new JsonObject { ["username"] = username, ["case"] = "lost-passphrase" }, cancellationToken);
        }

        if (answer.Fault is PassboltFault.Refused or PassboltFault.NotFound)
        {
            LogNotStarted(_log, id, answer.Fault);
            await _requests.NotStarted(_options.Tenant, id, cancellationToken);
            answer = new PassboltAnswer(PassboltFault.None);
        }

        if (answer.Ok)
        {
            await _acts.Write(_options.Tenant, act => _store.RemoveStart(act, id), cancellationToken);
        }

        return answer;
    }

    // 3. Pending requests there become recoveries here; what is pending here and not there was answered by somebody else.
    private async Task<PassboltAnswer> PullRequests(RemotePolicy? policy, CancellationToken cancellationToken)
    {
        var (all, _, answer) = await _client.List(RemoteRequest.List, PageOfRequests, MostPages, RemoteRequest.Read, cancellationToken);
        if (!answer.Ok)
        {
            return answer;
        }

        var there = all.DistinctBy(r => r.Id).ToDictionary(r => r.Id);
        var here = (await _requests.Pending(_options.Tenant, cancellationToken)).ToDictionary(p => p.RemoteId, p => p.Request);
        foreach (var (remoteId, request) in here.Where(h => !there.TryGetValue(h.Key, out var remote) || !remote.IsPending))
        {
            answer = await Alone(remoteId, () => EndIfAnswered(request, remoteId, cancellationToken));
            if (answer.ConcernsAll)
            {
                return answer;
            }
        }

        if (policy is null)
        {
            return new PassboltAnswer(PassboltFault.None);
        }

        var (readPeople, pulls) = (false, 0);
        foreach (var remote in there.Values.Where(r => r.IsPending && !here.ContainsKey(r.Id)).OrderBy(r => r.CreatedAt))
        {
            if (_looked.TryGetValue(remote.Id, out var looked) && _acts.Now < looked.Until && looked.Until - _acts.Now <= RefusedAgainAfter)
            {
                continue;
            }

            if (++pulls > PullsAtOnce)
            {
                break;
            }

            var person = await _acts.Read(db => _store.FindPerson(db, _options.Tenant, remote.User), cancellationToken);
            if (person is null && !readPeople)
            {
                readPeople = true;
                answer = await Alone(Guid.Empty, () => ReadPeople(cancellationToken));
                if (answer.ConcernsAll)
                {
                    return answer;
                }

                person = await _acts.Read(db => _store.FindPerson(db, _options.Tenant, remote.User), cancellationToken);
            }

            answer = await Alone(remote.Id, () => Pull(remote, person, policy, cancellationToken));
            if (answer.ConcernsAll)
            {
                return answer;
            }
        }

        return new PassboltAnswer(PassboltFault.None);
    }

    private async Task<PassboltAnswer> EndIfAnswered(EscrowRequest request, Guid remoteId, CancellationToken cancellationToken)
    {
        var answer = await _client.Get(RemoteRequest.Path(remoteId), cancellationToken);
        var remote = RemoteRequest.Read(answer.Body);
        if (answer.Fault != PassboltFault.NotFound && !answer.Ok)
        {
            return answer;
        }

        if (answer.Ok && remote is null)
        {
            return new PassboltAnswer(PassboltFault.Garbage);
        }

        if (remote?.IsPending == true)
        {
            return answer;
        }

        // Ours, if the process died after that server had taken it.
        var outcome = remote?.Responders.Contains(_options.UserId) == true ? CompanionOutcome.Posted : CompanionOutcome.AnsweredElsewhere;
        await _requests.Ended(_options.Tenant, request.Id, outcome, cancellationToken);
        return new PassboltAnswer(PassboltFault.None);
    }

    private async Task<PassboltAnswer> Pull(
        RemoteRequest listed, CompanionPerson? person, RemotePolicy policy, CancellationToken cancellationToken)
    {
        var answer = await _client.Get(RemoteRequest.Path(listed.Id), cancellationToken);
        if (answer.Fault == PassboltFault.NotFound)
        {
            return new PassboltAnswer(PassboltFault.None);
        }

        if (!answer.Ok)
        {
            return answer;
        }

        var remote = RemoteRequest.Read(answer.Body);
        if (remote is { IsPending: false })
        {
            return answer;
        }

        var why = await WhyNot(remote, listed, person, policy, cancellationToken);
        var said = _looked.TryGetValue(listed.Id, out var former) && former.Said;
        if (why is not null && !said)
        {
            LogUnusable(_log, listed.Id, why);
            await _acts.Write(
                _options.Tenant,
                async act =>
                {
                    await act.Record(new LedgerEntry(LedgerEvent.CompanionRequestRefused, Principal.System, person?.Account)
                    {
                        Facts = Facts(("remote_request", listed.Id.ToString("D")), ("why", why)),
                    });
                    return true;
                },
                cancellationToken);
        }

        // What was pulled stands here as pending; if it ended here and that server has not been told yet, it need not be read with each look.
        _looked[listed.Id] = (_acts.Now + RefusedAgainAfter, why is not null);
        return answer;
    }

    // Why a request is not pulled: a name. What cannot be answered in the end is not asked about either.
    private async Task<string?> WhyNot(
        RemoteRequest? remote, RemoteRequest listed, CompanionPerson? person, RemotePolicy policy, CancellationToken cancellationToken)
    {
        if (remote is null || remote.Id != listed.Id || remote.User != listed.User)
        {
            return "unreadable";
        }

        if (person is not { State: PersonState.Active, Fingerprint: { } owner })
        {
            return person?.State == PersonState.Active ? "person_without_key" : "person_unknown";
        }

        if (remote.Password is not { } password)
        {
            return "no_escrow";
        }

        if (password.Recipient != policy.Key.Fingerprint)
        {
            return WireName.Of(PgpFault.WrongRecipient);
        }

        if (remote.RequestKey is not { } armored)
        {
            return WireName.Of(PgpFault.Unparsable);
        }

        var key = RemoteKey.Read(armored);
        if (key.Refusal is { } refused)
        {
            return PgpRefusals.FaultOf(refused) is { } unreadable ? WireName.Of(unreadable) : WireName.Of(refused.Code);
        }

        if (PgpKeyRules.FaultOfRequestKey(key.Value, remote.Fingerprint, _acts.Now + RemoteKey.ClocksDiffer) is { } fault)
        {
            return WireName.Of(fault);
        }

        var pulled = await _requests.Pull(
            _options.Tenant,
            new PulledRequest(
                remote.Id, remote.User, person.Account, armored, key.Value.Fingerprint,
                new(password.Id, password.PrivateKey, password.Recipient, password.Data, remote.CreatedAt, remote.CreatedAt, remote.User.ToString("D")),
                owner, policy.KeyId, remote.CreatedAt),
            cancellationToken);
        return pulled.Refusal is { } no ? WireName.Of(no.Code) : null;
    }

    // 4. What was decided is told. The organisation's key is named as it is there now.
    private async Task<PassboltAnswer> PostAnswers(RemotePolicy policy, CancellationToken cancellationToken)
    {
        foreach (var outgoing in await _requests.ToPost(_options.Tenant, cancellationToken))
        {
            if (await Alone(outgoing.Request.Id.Value, () => Post(outgoing, policy, cancellationToken)) is { ConcernsAll: true } ended)
            {
                return ended;
            }
        }

        return new PassboltAnswer(PassboltFault.None);
    }

    private async Task<PassboltAnswer> Post(OutgoingAnswer outgoing, RemotePolicy policy, CancellationToken cancellationToken)
    {
        var body = new JsonObject
        {
            ["account_recovery_request_id"] = outgoing.RemoteId.ToString("D"),
            ["status"] = outgoing.IsApproved ? "approved" : "rejected",
            ["responder_foreign_key"] = policy.KeyId.ToString("D"),
            ["responder_foreign_model"] = Model,
        };
        if (outgoing.IsApproved)
        {
            body["data"] = outgoing.Data;
        }

        var answer = await _client.Post(Answers, body, cancellationToken);
        if (answer.Fault is PassboltFault.Refused or PassboltFault.NotFound)
        {
            // The message itself breaks a rule of that server: it would the next time too.
            if (PassboltAnswer.At(answer.Body, "data") is JsonObject)
            {
                LogRefused(_log, outgoing.RemoteId);
                await _requests.Ended(_options.Tenant, outgoing.Request.Id, CompanionOutcome.Refused, cancellationToken);
                return new PassboltAnswer(PassboltFault.None);
            }

            // It was answered, or is none any more, which is noted. Where it is still pending, and shown so, the refusal may pass (a policy that
            // is changed at this moment): the answer stays.
            var ended = await EndIfAnswered(outgoing.Request, outgoing.RemoteId, cancellationToken);
            return ended.Ok && ended.Body is not null ? new PassboltAnswer(PassboltFault.Refused) : ended;
        }

        if (answer.Ok)
        {
            // If the process dies before this act, that server says that it is not pending, and it is found to be ours.
            await _requests.Ended(_options.Tenant, outgoing.Request.Id, CompanionOutcome.Posted, cancellationToken);
        }

        return answer;
    }

    private async Task Note(PassboltAnswer answer, PassboltFault? left, CancellationToken cancellationToken)
    {
        _failures = answer.Ok ? 0 : Math.Min(_failures + 1, 10);
        var pause = answer.Ok ? _options.Poll : _options.Poll * Math.Pow(2, _failures - 1);
        pause = pause < Longest ? pause : Longest;
        _due = _acts.Now + (answer.RetryAfter is { } asked && asked > pause ? asked : pause);
        foreach (var over in _looked.Where(u => u.Value.Until + TimeSpan.FromDays(1) < _acts.Now).Select(u => u.Key).ToList())
        {
            _looked.Remove(over);
        }

        if (answer.Why is { } why && why != _why)
        {
            LogKey(_log, why);
        }

        _why = answer.Why;
        var before = await _acts.Write(_options.Tenant, act => Note(act, answer, left), cancellationToken);
        if (left is null && before is not null)
        {
            LogBack(_log);
        }
        else if (left is { } now && before != WireName.Of(now))
        {
            LogFailing(_log, now);
        }
    }

    // The fault that was noted before.
    private async Task<string?> Note(Act act, PassboltAnswer answer, PassboltFault? left)
    {
        if (await _store.Find(act.Db, act.Tenant) is null)
        {
            await _store.Begin(act, _options, fingerprint: null);
        }

        var state = (await _store.Find(act.Db, act.Tenant))!;
        if (answer.Fault == PassboltFault.ServerKeyChanged)
        {
            await Raise(act, state, CompanionAlarm.ServerKeyChanged, state.ServerKey, null);
            state = (await _store.Find(act.Db, act.Tenant))!;
        }

        var fault = left is { } wrong ? WireName.Of(wrong) : null;
        if (fault != state.Fault || answer.Ok)
        {
            await _store.Put(
                act,
                state with
                {
                    Fault = fault, FaultSince = fault is null ? null : state.FaultSince ?? act.Now, LookedAt = answer.Ok ? act.Now : state.LookedAt,
                });
        }

        return state.Fault;
    }

    private async Task<int> Change(Act act, Func<CompanionState, CompanionState> change) =>
        await _store.Find(act.Db, act.Tenant) is { } state ? await _store.Put(act, change(state)) : 0;

    private static Dictionary<string, object?> Facts(params ReadOnlySpan<(string Name, object? Value)> facts)
    {
        var all = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, value) in facts)
        {
            if (value is not null)
            {
                all[name] = value;
            }
        }

        return all;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The Passbolt server cannot be watched, or not in everything: {Fault}")]
    private static partial void LogFailing(ILogger logger, PassboltFault fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "What the Passbolt server says cannot be worked with")]
    private static partial void LogUnexpected(ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "The Passbolt server is watched again")]
    private static partial void LogBack(ILogger logger);

    [LoggerMessage(Level = LogLevel.Critical, Message = "Alarm of the Passbolt companion: {Alarm}, from {Before} to {Now}. It answers nothing until this is mended")]
    private static partial void LogAlarm(ILogger logger, CompanionAlarm alarm, string? before, string? now);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A key of the Passbolt companion cannot be used: {Why}")]
    private static partial void LogKey(ILogger logger, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The request {Request} of the Passbolt server cannot be taken: {Why}")]
    private static partial void LogUnusable(ILogger logger, Guid request, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The Passbolt server does not mail the person of the recovery {Recovery}: {Fault}")]
    private static partial void LogNotStarted(ILogger logger, RecoveryId recovery, PassboltFault fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "The Passbolt server refuses the answer to its request {Request}")]
    private static partial void LogRefused(ILogger logger, Guid request);
}
