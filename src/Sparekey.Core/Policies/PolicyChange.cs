using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Policies;

/// <summary>What it takes to change a policy.</summary>
/// <param name="Approvals">So many other people agree.</param>
/// <param name="OpenFor">How long a proposed change waits for them.</param>
public sealed record PolicyChangeRule(int Approvals, TimeSpan OpenFor)
{
    /// <summary>How long a change waits when the policy does not say.</summary>
    public static readonly TimeSpan UsualTime = TimeSpan.FromHours(72);
}

/// <summary>How a proposed change of policy stands.</summary>
public enum PolicyChangeState
{
    /// <summary>Others have to agree.</summary>
    Open,

    /// <summary>So many agreed that it came into force. Final.</summary>
    Landed,

    /// <summary>Somebody said no, or who proposed it took it back. Final.</summary>
    Denied,

    /// <summary>Nobody agreed in time. Final.</summary>
    Expired,

    /// <summary>Another change came into force before it. Final.</summary>
    Outdated,
}

/// <summary>Who agreed to a change, and when.</summary>
/// <param name="By">The principal.</param>
/// <param name="At">When.</param>
public sealed record PolicyApproval(Principal By, DateTimeOffset At);

/// <summary>
/// A change of policy that others have to agree to. The policy in force decides how many: who would loosen what it takes to change policy
/// needs as many as it takes now.
/// </summary>
/// <param name="Id">Its id.</param>
/// <param name="Tenant">The tenant.</param>
/// <param name="BaseVersion">The version of the policy that it changes.</param>
/// <param name="Document">The policy it proposes, as JSON.</param>
/// <param name="ProposedBy">Who proposed it.</param>
/// <param name="ProposedAt">When.</param>
/// <param name="ExpiresAt">Until when others can agree.</param>
public sealed record PolicyChange(
    PolicyChangeId Id, TenantId Tenant, int BaseVersion, string Document, Principal ProposedBy, DateTimeOffset ProposedAt,
    DateTimeOffset ExpiresAt)
{
    /// <summary>Who agreed so far.</summary>
    public ImmutableArray<PolicyApproval> Approvals { get; init; } = [];

    /// <summary>How somebody ended it; null while nobody did.</summary>
    public PolicyChangeState? EndedAs { get; init; }

    /// <summary>When somebody ended it.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>
    /// What deciders send back: SHA-256 over the canonical JSON (RFC 8785) of everything that matters about the change.
    /// </summary>
    public string Digest => Base64Url.EncodeToString(SHA256.HashData(CanonicalJson.Write(
        new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["v"] = 1,
            ["tenant"] = Tenant.ToString(),
            ["change"] = Id.ToString(),
            ["base_version"] = BaseVersion,
            ["proposed_by"] = ProposedBy.Id,
            ["document"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Document))),
        })));

    /// <summary>How it stands.</summary>
    /// <param name="version">The version of the policy in force.</param>
    /// <param name="now">The time.</param>
    public PolicyChangeState StateAt(int version, DateTimeOffset now) =>
        EndedAs ?? (version != BaseVersion ? PolicyChangeState.Outdated
            : now >= ExpiresAt ? PolicyChangeState.Expired
            : PolicyChangeState.Open);

    /// <summary>Somebody agrees.</summary>
    /// <param name="who">Who; holds <c>policy:write</c>.</param>
    /// <param name="digest">What they saw.</param>
    /// <param name="version">The version of the policy in force.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// The change with their word; or <see cref="RefusalCode.VersionConflict"/>, <see cref="RefusalCode.PolicyChangeClosed"/>,
    /// <see cref="RefusalCode.DigestMismatch"/>, <see cref="RefusalCode.SeparationOfDuties"/>, <see cref="RefusalCode.RecentlyRecovered"/>,
    /// <see cref="RefusalCode.AlreadyDecided"/>.
    /// </returns>
    public Result<PolicyChange> Approve(SecondPerson who, string digest, int version, DateTimeOffset now) =>
        (FaultOf(who.Principal, digest, version, now) ?? who.FaultBeside(ProposedBy, now)) is { } fault ? fault
        : Approvals.Any(a => a.By.IsSamePersonAs(who.Principal)) ? RefusalCode.AlreadyDecided
        : this with { Approvals = Approvals.Add(new PolicyApproval(who.Principal, now)) };

    /// <summary>Somebody says no, or who proposed it takes it back.</summary>
    /// <param name="by">Who; holds <c>policy:write</c>.</param>
    /// <param name="digest">What they saw.</param>
    /// <param name="version">The version of the policy in force.</param>
    /// <param name="now">The time.</param>
    /// <returns>The change, which is over; or what <see cref="Approve"/> refuses of what was seen.</returns>
    public Result<PolicyChange> Deny(Principal by, string digest, int version, DateTimeOffset now) =>
        FaultOf(by, digest, version, now) is { } fault ? fault : this with { EndedAs = PolicyChangeState.Denied, EndedAt = now };

    private Refusal? FaultOf(Principal by, string digest, int version, DateTimeOffset now) =>
        by.Kind is PrincipalKind.Anonymous or PrincipalKind.System ? RefusalCode.SeparationOfDuties
        : StateAt(version, now) switch
        {
            PolicyChangeState.Open when digest == Digest => null,
            PolicyChangeState.Open => new Refusal(RefusalCode.DigestMismatch, "The change is not the one this decision was made on: read it again."),
            PolicyChangeState.Outdated => new Refusal(RefusalCode.VersionConflict, $"The policy is at version {version}."),
            PolicyChangeState.Expired => new Refusal(RefusalCode.PolicyChangeClosed, "Nobody agreed in time."),
            PolicyChangeState.Landed or PolicyChangeState.Denied => RefusalCode.PolicyChangeClosed,
        };
}
