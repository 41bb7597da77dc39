using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Flows;

/// <summary>The session that a flow opens.</summary>
/// <param name="Lifetime">How long it lasts unless a credential is set in it.</param>
/// <param name="TokenPrefix">What its token begins with.</param>
public sealed record FlowSession(TimeSpan Lifetime, string TokenPrefix);

/// <summary>The settings flow that follows.</summary>
/// <param name="RequestUrl">How it would be asked for.</param>
/// <param name="Lifetime">How long it takes changes.</param>
/// <param name="ReturnTo">Where the person goes afterwards where the recovery flow says nothing; null for nowhere in particular.</param>
public sealed record FlowSettings(string RequestUrl, TimeSpan Lifetime, string? ReturnTo);

/// <summary>What somebody gives to a flow.</summary>
/// <param name="Uses">Whether it is a code or the token of a link.</param>
/// <param name="Text">The code or token as it came.</param>
/// <param name="Session">The session that it opens.</param>
/// <param name="Next">The flow that takes this one's place where it has to be done again.</param>
public sealed record FlowTry(Means Uses, SecretText Text, FlowSession Session, NewRecoveryFlow Next)
{
    /// <summary>How many codes a flow takes, right or wrong; cut to <see cref="RecoveryLimits.TriesByHandle"/>.</summary>
    public int MaxSubmissions { get; init; } = RecoveryLimits.TriesByHandle;

    /// <summary>The settings flow that follows, unless the flow skips it; null for none.</summary>
    public FlowSettings? Settings { get; init; }

    /// <summary>What the browser's submissions bring from now on, where it opened a session; null for a programme.</summary>
    public string? Csrf { get; init; }

    /// <summary>Shows nothing of what it holds.</summary>
    public override string ToString() => "[try]";
}

/// <summary>What came of it: the closed set of a session, another try, and another flow.</summary>
/// <param name="Flow">The flow to go on with.</param>
public abstract record FlowOutcome(RecoveryFlow Flow)
{
    /// <summary>It opened a session.</summary>
    /// <param name="Flow">The flow, which ended well.</param>
    /// <param name="Session">The session and its token.</param>
    /// <param name="Settings">The settings flow in which the person sets a credential; null where none was asked for.</param>
    public sealed record Opened(RecoveryFlow Flow, OpenedSession Session, SettingsFlow? Settings) : FlowOutcome(Flow);

    /// <summary>It was wrong; the flow takes another.</summary>
    /// <param name="Flow">The flow.</param>
    public sealed record Wrong(RecoveryFlow Flow) : FlowOutcome(Flow);

    /// <summary>It has to be done again in another flow, whose note says why.</summary>
    /// <param name="Flow">The other flow.</param>
    public sealed record Again(RecoveryFlow Flow) : FlowOutcome(Flow);
}

/// <summary>
/// Redeems the code or link of a flow into a session, in one act: either the secret is spent, the flow has ended and the session is there,
/// or nothing changed but what counts a wrong try. Of any number at once one opens a session.
/// </summary>
public sealed class RedeemInFlow
{
    private readonly Acts _acts;
    private readonly RecoveryFlowStore _flows;
    private readonly FlowThrottle _throttle;
    private readonly FlowSecrets _secrets;
    private readonly RecoveryAct _recoveries;
    private readonly SessionOfRecovery _sessions;
    private readonly SettingsFlowStore _settings;

    internal RedeemInFlow(
        Acts acts, RecoveryFlowStore flows, FlowThrottle throttle, FlowSecrets secrets, RecoveryAct recoveries, SessionOfRecovery sessions,
        SettingsFlowStore settings)
    {
        _acts = acts;
        _flows = flows;
        _throttle = throttle;
        _secrets = secrets;
        _recoveries = recoveries;
        _sessions = sessions;
        _settings = settings;
    }

    /// <summary>Redeems.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="flowId">The flow.</param>
    /// <param name="attempt">What was given.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// What came of it. For a code also <see cref="RefusalCode.RecoveryNotFound"/>, <see cref="RefusalCode.RecoveryExpired"/> (the flow is
    /// over) and <see cref="RefusalCode.WrongState"/> (the flow waits for no code); a link that comes to no flow is done again.
    /// </returns>
    public Task<Result<FlowOutcome>> Run(Visitor visitor, string flowId, FlowTry attempt, CancellationToken cancellationToken) =>
        _acts.Write(
            visitor.Tenant,
            async act =>
            {
                var found = await _flows.Find(act.Db, act.Tenant, flowId, act.Now);
                return attempt.Uses == Means.Link
                    ? await RedeemToken(act, visitor, found, attempt)
                    : found is null ? RefusalCode.RecoveryNotFound : await RedeemCode(act, visitor, found, attempt);
            },
            cancellationToken);

    private async Task<Result<FlowOutcome>> RedeemCode(Act act, Visitor visitor, Ceremony<RecoveryFlow> found, FlowTry attempt)
    {
        if (found.State.IsOver(act.Now))
        {
            return RefusalCode.RecoveryExpired;
        }

        if (found.State.State == RecoveryFlowState.ChooseMethod || found.State.Uses != Means.Code)
        {
            return RefusalCode.WrongState;
        }

        // The try is counted before it is looked at.
        var flow = found.State with { Submissions = found.State.Submissions + 1 };
        if (flow.Submissions > Math.Min(attempt.MaxSubmissions, RecoveryLimits.TriesByHandle) || flow.State == RecoveryFlowState.PassedChallenge)
        {
            await _flows.Write(act, found, flow);
            var used = flow.State == RecoveryFlowState.PassedChallenge && flow.Submissions <= attempt.MaxSubmissions;
            return await Again(act, attempt, used ? FlowNoteKind.CodeUsed : FlowNoteKind.TooOften);
        }

        var (behind, verdict) = await _secrets.Compare(act.Db, act.Tenant, flow, CodeText.Normalize(CodeFormat.Digits, attempt.Text.Reveal()) ?? "", act.Now);
        // While recoveries are stopped a right code looks like a wrong one.
        if (behind is { Policy.IsStopped: false } && verdict == FlowVerdict.Live)
        {
            return await Open(act, visitor, found, flow, behind, attempt);
        }

        await CountWrong(act, visitor, behind, verdict);
        await _throttle.CountWrong(act, flow);
        return new FlowOutcome.Wrong(await _flows.Write(act, found, flow with { Note = new FlowNote(FlowNoteKind.CodeWrong) }));
    }

    // Whoever holds the token holds more than 112 bits, and may learn that it expired; every other token is none.
    private async Task<Result<FlowOutcome>> RedeemToken(Act act, Visitor visitor, Ceremony<RecoveryFlow>? found, FlowTry attempt)
    {
        if (found is not { State: { Uses: Means.Link, State: not RecoveryFlowState.PassedChallenge } flow })
        {
            _secrets.CompareWithNothing(act.Tenant, attempt.Text.Reveal());
            return await Again(act, attempt, FlowNoteKind.TokenInvalid);
        }

        var (behind, verdict) = await _secrets.Compare(act.Db, act.Tenant, flow, attempt.Text.Reveal(), act.Now);
        if (behind is null || verdict == FlowVerdict.Wrong)
        {
            await CountWrong(act, visitor, behind, verdict);
            return await Again(act, attempt, FlowNoteKind.TokenInvalid);
        }

        return act.Now >= flow.SecretEnds ? await Again(act, attempt, FlowNoteKind.Expired, flow.SecretEnds)
            : verdict == FlowVerdict.Live ? await Open(act, visitor, found, flow, behind, attempt)
            : await Again(act, attempt, FlowNoteKind.TokenInvalid);
    }

    private async Task CountWrong(Act act, Visitor visitor, RecoveryAct.Found? behind, FlowVerdict verdict)
    {
        if (behind is not null && verdict == FlowVerdict.Wrong)
        {
            await _recoveries.Apply(
                act, behind, new RecoveryCommand.Redeem(Matches: false, TryOrigin.Handle, NewId.Make<RedemptionId>()), visitor);
        }
    }

    private async Task<Result<FlowOutcome>> Open(
        Act act, Visitor visitor, Ceremony<RecoveryFlow> found, RecoveryFlow flow, RecoveryAct.Found behind, FlowTry attempt)
    {
        if (behind.Account.Status != AccountStatus.Active)
        {
            await _flows.Write(act, found, flow);
            return await Again(act, attempt, FlowNoteKind.AccountDisabled);
        }

        var opened = await _sessions.Open(act, visitor, behind, flow.Secret?.Address, attempt.Session);
        if (opened.Refusal is not null)
        {
            return await Again(act, attempt, flow.Uses == Means.Link ? FlowNoteKind.TokenInvalid : FlowNoteKind.CodeUsed);
        }

        var ended = flow with { State = RecoveryFlowState.PassedChallenge, Note = null, Csrf = attempt.Csrf ?? flow.Csrf };
        var settings = attempt.Settings is { } wanted && !flow.SkipsSettings
            ? await _settings.Open(act, new NewSettingsFlow(behind.Account.Id, wanted.RequestUrl, wanted.Lifetime)
            {
                // Whoever opens a link does so in a browser.
                IsNative = flow.IsNative && flow.Uses == Means.Code,
                ReturnTo = flow.ReturnTo ?? wanted.ReturnTo,
                RecoveredUntil = opened.Value.Session.ExpiresAt,
            })
            : null;
        return new FlowOutcome.Opened(await _flows.Write(act, found, ended), opened.Value, settings);
    }

    private async Task<Result<FlowOutcome>> Again(Act act, FlowTry attempt, FlowNoteKind why, DateTimeOffset? at = null) =>
        new FlowOutcome.Again(await _flows.Open(act, attempt.Next with { Note = new FlowNote(why) { At = at } }));
}
