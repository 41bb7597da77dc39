using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Slack;

/// <summary>What came of a press.</summary>
/// <param name="Why">Null when it was done; else why not, in one word.</param>
/// <param name="Language">The language of whoever pressed.</param>
/// <param name="RetryAfter">When to try again; null when that would change nothing.</param>
internal sealed record PressOutcome(string? Why, string Language, TimeSpan? RetryAfter = null);

/// <summary>
/// Does what a button says, as the person who pressed it. A button has no authority of its own: who they are is found out anew, and
/// approvals go through the same use case as those over HTTP, with the operator's own permissions and ceiling, where separation of duties
/// compares people. If the process dies after the decision and before the press is noted as answered, the decision is asked for again
/// and refused as one that was made already.
/// </summary>
/// <param name="acts">Runs acts.</param>
/// <param name="messages">What was asked.</param>
/// <param name="people">Who is who.</param>
/// <param name="recoveries">The recoveries.</param>
/// <param name="recoveryAct">Decides on them.</param>
/// <param name="accounts">The accounts.</param>
/// <param name="policies">The policies.</param>
/// <param name="operators">Who may approve.</param>
/// <param name="decide">Approves and denies.</param>
/// <param name="refusals">Keeps the record of what operators are refused.</param>
/// <param name="events">Counts what strangers are refused.</param>
/// <param name="incidents">Notes what people say was not them.</param>
internal sealed class AnswerSlackPress(
    Acts acts, SlackMessageStore messages, SlackPeople people, RecoveryStore recoveries, RecoveryAct recoveryAct, AccountStore accounts,
    PolicyStore policies, OperatorGrants operators, DecideOnRecovery decide, RecordRefusal refusals, SecurityEvents events,
    ReportIncident incidents)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    /// <summary>Does it.</summary>
    /// <param name="app">The app.</param>
    /// <param name="press">The press.</param>
    public async Task<PressOutcome> Run(SlackApp app, SlackPress press)
    {
        var message = await acts.Read(db => messages.Find(db, app.Tenant, press.Message), CancellationToken.None);
        var role = press.Action is SlackAction.Confirm or SlackAction.NotMe ? SlackRole.Person : SlackRole.Approver;

        // Where the message stands is known unless the process died when it was sent: then its id alone has to do.
        if (message is null || message.Recovery != press.Recovery || message.Role != role
            || (message.Ts is not null && (message.Conversation != press.Conversation || message.Ts != press.Ts)))
        {
            return Refused(app, RefusalCode.RecoveryNotFound, "not_you");
        }

        var (person, fault) = await people.PersonOf(app, press.User);
        if (person is null)
        {
            return fault!.Fault is "users_not_found" or "user_not_found" or "user_not_visible"
                ? Refused(app, RefusalCode.Unauthenticated, "unknown")
                : new PressOutcome("later", "en", fault.RetryAfter ?? Soon);
        }

        var language = Delivery.MailComposer.LanguageOf(person);
        var why = role == SlackRole.Person ? await AsPerson(app, press, message, person) : await AsApprover(app, press, person);
        return new PressOutcome(why, language);
    }

    private async Task<string?> AsPerson(SlackApp app, SlackPress press, SlackMessage message, Account person)
    {
        if (message.Target != person.Id.ToString() || message.Account != person.Id)
        {
            events.Count(app.Tenant, RefusalCode.SeparationOfDuties);
            return "not_you";
        }

        var refusal = await acts.Write(app.Tenant, act => Decide(act, app, press, person.Id), CancellationToken.None);
        return NameOf(refusal);
    }

    private async Task<Refusal?> Decide(Act act, SlackApp app, SlackPress press, AccountId id)
    {
        if (await recoveries.Find(act.Db, act.Tenant, press.Recovery) is not { } recovery || recovery.Request.Account != id
            || await accounts.Find(act.Db, act.Tenant, id) is not { Status: AccountStatus.Active } account)
        {
            return RefusalCode.RecoveryNotFound;
        }

        var found = new RecoveryAct.Found(recovery, account, (await policies.Current(act.Db, act.Tenant)).Policy);
        var (person, visitor) = (Principal.Of(id), VisitorOf(app, press));
        if (press.Action == SlackAction.Confirm)
        {
            return (await recoveryAct.Apply(
                act, found, new RecoveryCommand.Confirm(person, press.Digest) { Over = SlackQuestions.Over }, visitor)).Refusal;
        }

        // No is no, whatever was written into the request since. Who asked for their own cancels it.
        var denied = await recoveryAct.Apply(act, found, new RecoveryCommand.Deny(person, recovery.Digest), visitor);
        if (denied.Refusal is { Code: RefusalCode.SeparationOfDuties })
        {
            return (await recoveryAct.Apply(act, found, new RecoveryCommand.Cancel(person), visitor)).Refusal;
        }

        if (denied.Refusal is null)
        {
            await incidents.Run(act, visitor, id, [new IncidentRecovery(recovery.Id, denied.Value.State)]);
        }

        return denied.Refusal;
    }

    private async Task<string?> AsApprover(SlackApp app, SlackPress press, Account person)
    {
        if (!app.ApproveInChat)
        {
            return "step_up";
        }

        var grant = await acts.Read(db => operators.Of(db, app.Tenant, person.Id, acts.Now), CancellationToken.None)
            ?? new Grant(Principal.Of(person.Id), PermissionSet.Of([]), "", null);
        var caller = new Caller(app.Tenant, VisitorOf(app, press).Source, press.Id[..24], grant);
        var refusal = caller.Grant.Demand(Permission.RecoveryApprove) ?? (press.Action == SlackAction.Approve
            ? (await decide.Approve(caller, press.Recovery, press.Digest, CancellationToken.None)).Refusal
            : (await decide.Deny(caller, press.Recovery, press.Digest, CancellationToken.None)).Refusal);
        if (refusal is not null)
        {
            await refusals.Run(caller, refusal.Code, $"slack {WireName.Of(press.Action)}");
        }

        return NameOf(refusal);
    }

    private PressOutcome Refused(SlackApp app, RefusalCode code, string why)
    {
        events.Count(app.Tenant, code);
        return new PressOutcome(why, "en");
    }

    private static Visitor VisitorOf(SlackApp app, SlackPress press) => new(app.Tenant, "slack", press.Id[..24]);

    private static string? NameOf(Refusal? refusal) => refusal?.Code switch
    {
        null => null,
        RefusalCode.NotRequired or RefusalCode.WrongState or RefusalCode.RecoveryClosed or RefusalCode.RecoveryExpired
            or RefusalCode.RecoveryNotFound => "ended",
        { } code => WireName.Of(code),
    };
}
