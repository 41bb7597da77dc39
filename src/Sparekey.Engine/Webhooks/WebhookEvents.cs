using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;

namespace Sparekey.Engine.Webhooks;

/// <summary>
/// What endpoints are told: entries of the ledger under names of their own. So nothing is told that did not happen, nothing that
/// happened is forgotten, and an act costs no more where somebody listens. An entry's facts are ids, closed names and numbers; what is
/// personal or secret stands in none.
/// </summary>
internal static class WebhookEvents
{
    /// <summary>The type of the event that is sent to try an endpoint out.</summary>
    public const string Test = "webhook.test";

    /// <summary>Every type there is, in the order of the documentation.</summary>
    public static readonly IReadOnlyList<string> All =
    [
        "recovery.requested", "recovery.pending", "recovery.reason_added", "recovery.key_bound", "recovery.confirmed", "recovery.approved",
        "recovery.evidence_given", "recovery.requirement_met", "recovery.denied", "recovery.ready", "recovery.issued", "recovery.redeemed",
        "recovery.completed", "recovery.cancelled", "recovery.expired", "recovery.locked",
        "recovery.repudiated", "incident.opened", "incident.closed", "reminder.sent",
        "credential.added", "credential.renamed", "credential.changed", "credential.revoked", "credential.password_changed",
        "account.created", "account.changed", "account.deleted", "account.frozen", "account.lift_asked", "account.lift_denied",
        "account.unfrozen", "address.added", "address.changed", "address.removed", "address.confirmed",
        "policy.changed", "policy.proposed", "policy.approved", "policy.denied",
        "recoveries.stopped", "recoveries.resumed", "velocity.exceeded",
        "message.undeliverable",
        "escrow.policy_changed", "escrow.enrolled", "escrow.declined", "escrow.withdrawn", "escrow.rotation_started", "escrow.rotated",
        "escrow.rotation_cancelled", "escrow.truncated", "escrow.drill_passed", "escrow.drill_failed",
        "escrow.answer_held", "escrow.answer_refused", "escrow.finished", "escrow.aborted", "escrow.request_guessed",
        "companion.alarm_raised", "companion.alarm_ended", "companion.request_refused", "companion.answer_told",
        Test,
    ];

    /// <summary>Whether a filter names a type, or all of a group.</summary>
    /// <param name="filter">The filter: <c>recovery.issued</c>, <c>recovery.*</c>.</param>
    public static bool IsFilter(string? filter) => filter is not null && All.Any(type => Matches(filter, type));

    /// <summary>Whether an endpoint with these filters is told of an event.</summary>
    /// <param name="filters">The filters; none for all.</param>
    /// <param name="type">The event's type.</param>
    public static bool IsWanted(IReadOnlyCollection<string> filters, string type) =>
        filters.Count == 0 || type == Test || filters.Any(f => Matches(f, type));

    /// <summary>The events that an entry of the ledger is.</summary>
    /// <param name="entry">The entry's canonical bytes.</param>
    /// <param name="position">Its position.</param>
    /// <returns>Type, message id and body of each; none for what nobody is told.</returns>
    public static IReadOnlyList<(string Type, string MessageId, string Body)> Of(byte[] entry, long position)
    {
        var read = JsonNode.Parse(entry)!.AsObject();
        var happened = WireName.Parse<LedgerEvent>(read["event"]!.GetValue<string>());
        var facts = read["facts"]!.AsObject();
        var id = read["id"]!.GetValue<string>();
        return [.. TypesOf(happened, facts).Select((type, i) => (type, i == 0 ? $"msg_{id}" : $"msg_{id}_{i}", BodyOf(type, read, position)))];
    }

    /// <summary>The body of an event that is in no ledger.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="at">When it is told.</param>
    /// <param name="data">What it says.</param>
    public static string BodyOf(string type, DateTimeOffset at, JsonObject data) =>
        new JsonObject { ["type"] = type, ["timestamp"] = WireTime.Of(at), ["data"] = data }.ToJsonString(JsonSerializerOptions.Default);

    private static bool Matches(string filter, string type) =>
        filter == type || (filter.EndsWith(".*", StringComparison.Ordinal) && type.StartsWith(filter[..^1], StringComparison.Ordinal));

    private static string BodyOf(string type, JsonObject entry, long position) => BodyOf(
        type,
        DateTimeOffset.FromUnixTimeMilliseconds(entry["at"]!.GetValue<long>()),
        new JsonObject
        {
            ["entry"] = entry["id"]!.DeepClone(),
            ["position"] = position,
            ["tenant"] = entry["tenant"]!.DeepClone(),
            ["actor"] = entry["actor"]!.DeepClone(),
            ["account"] = entry["account"]?.DeepClone(),
            ["recovery"] = entry["recovery"]?.DeepClone(),
            ["facts"] = entry["facts"]!.DeepClone(),
        });

    private static IEnumerable<string> TypesOf(LedgerEvent happened, JsonObject facts) => happened switch
    {
        LedgerEvent.RecoveryOpened when facts["open"] is JsonArray { Count: > 0 } => ["recovery.requested", "recovery.pending"],
        LedgerEvent.RecoveryOpened => ["recovery.requested"],
        LedgerEvent.RecoveryRequirementsRaised => ["recovery.pending"],
        LedgerEvent.RecoveryReasonAdded => ["recovery.reason_added"],
        LedgerEvent.RecoveryKeyBound => ["recovery.key_bound"],
        LedgerEvent.RecoveryRequirementMet => [TypeOfRequirement(facts["requirement"]?.GetValue<string>())],
        LedgerEvent.RecoveryDenied => ["recovery.denied"],
        LedgerEvent.RecoveryReady => ["recovery.ready"],
        LedgerEvent.RecoveryIssued => ["recovery.issued"],
        LedgerEvent.RecoveryRedeemed => ["recovery.redeemed"],
        LedgerEvent.RecoveryCompleted => ["recovery.completed"],
        LedgerEvent.RecoveryCancelled => ["recovery.cancelled"],
        LedgerEvent.RecoveryExpired => ["recovery.expired"],
        LedgerEvent.RecoveryLocked => ["recovery.locked"],
        LedgerEvent.RecoveryRepudiated => ["recovery.repudiated"],
        LedgerEvent.IncidentOpened => ["incident.opened"],
        LedgerEvent.IncidentClosed => ["incident.closed"],
        LedgerEvent.ReminderSent => ["reminder.sent"],
        LedgerEvent.AccountFrozen => ["account.frozen"],
        LedgerEvent.AccountLiftAsked => ["account.lift_asked"],
        LedgerEvent.AccountLiftDenied => ["account.lift_denied"],
        LedgerEvent.AccountUnfrozen => ["account.unfrozen"],
        LedgerEvent.CredentialAdded => ["credential.added"],
        LedgerEvent.CredentialRenamed => ["credential.renamed"],
        LedgerEvent.CredentialStateChanged => ["credential.changed"],
        LedgerEvent.CredentialRevoked => ["credential.revoked"],
        LedgerEvent.PasswordChanged => ["credential.password_changed"],
        LedgerEvent.AccountCreated => ["account.created"],
        LedgerEvent.AccountChanged => ["account.changed"],
        LedgerEvent.AccountDeleted => ["account.deleted"],
        LedgerEvent.AddressAdded => ["address.added"],
        LedgerEvent.AddressChanged => ["address.changed"],
        LedgerEvent.AddressRemoved => ["address.removed"],
        LedgerEvent.AddressConfirmed => ["address.confirmed"],
        LedgerEvent.PolicyChanged => ["policy.changed"],
        LedgerEvent.PolicyChangeProposed => ["policy.proposed"],
        LedgerEvent.PolicyChangeApproved => ["policy.approved"],
        LedgerEvent.PolicyChangeDenied => ["policy.denied"],
        LedgerEvent.RecoveriesStopped => ["recoveries.stopped"],
        LedgerEvent.RecoveriesResumed => ["recoveries.resumed"],
        LedgerEvent.VelocityExceeded => ["velocity.exceeded"],
        LedgerEvent.MessageUndeliverable => ["message.undeliverable"],
        LedgerEvent.EscrowPolicyChanged or LedgerEvent.EscrowDisableUndone => ["escrow.policy_changed"],
        LedgerEvent.EscrowEnrolled => ["escrow.enrolled"],
        LedgerEvent.EscrowDeclined => ["escrow.declined"],
        LedgerEvent.EscrowWithdrawn => ["escrow.withdrawn"],
        LedgerEvent.EscrowRotationStarted => ["escrow.rotation_started"],
        LedgerEvent.EscrowRotated => ["escrow.rotated"],
        LedgerEvent.EscrowRotationCancelled => ["escrow.rotation_cancelled"],
        LedgerEvent.EscrowTruncated => ["escrow.truncated"],
        LedgerEvent.EscrowDrillPassed => ["escrow.drill_passed"],
        LedgerEvent.EscrowDrillFailed => ["escrow.drill_failed"],
        LedgerEvent.EscrowAnswerHeld => ["escrow.answer_held"],
        LedgerEvent.EscrowAnswerRefused => ["escrow.answer_refused"],
        LedgerEvent.EscrowFetched => ["escrow.fetched"],
        LedgerEvent.EscrowFinished => ["escrow.finished"],
        LedgerEvent.EscrowAborted => ["escrow.aborted"],
        LedgerEvent.EscrowTakenBack => ["escrow.taken_back"],
        LedgerEvent.EscrowRequestGuessed => ["escrow.request_guessed"],
        LedgerEvent.CompanionAlarmRaised => ["companion.alarm_raised"],
        LedgerEvent.CompanionAlarmEnded => ["companion.alarm_ended"],
        LedgerEvent.CompanionRequestRefused => ["companion.request_refused"],
        LedgerEvent.CompanionAnswerTold => ["companion.answer_told"],
        _ => [],
    };

    private static string TypeOfRequirement(string? requirement) =>
        requirement == WireName.Of(RequirementKind.Confirmation) ? "recovery.confirmed"
        : requirement == WireName.Of(RequirementKind.Approvals) ? "recovery.approved"
        : requirement == WireName.Of(RequirementKind.Evidence) ? "recovery.evidence_given"
        : "recovery.requirement_met";
}
