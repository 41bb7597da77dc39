using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Recoveries;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>A recovery as it stands on the wire. Members may be added, never taken away.</summary>
internal sealed record RecoveryView(
    RecoveryId Id,
    RecoveryState State,
    AccountId AccountId,
    ApplicationId Application,
    Means Means,
    CodeFormat? CodeFormat,
    Channel Channel,
    string ExpiresIn,
    DateTimeOffset? NotBefore,
    IReadOnlyList<Revocation> Revoke,
    IReadOnlyList<RequirementView> Requirements,
    AssuranceLevel Assurance,
    string Digest,
    string DecisionDigest,
    ReasonView? Reason,
    string? RequestKey,
    PrincipalView RequestedBy,
    DateTimeOffset OpenUntil,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ClosedAt,
    GenerationView? Generation,
    IReadOnlyDictionary<string, object>? Secret,
    OpenedRedemptionView? Redemption)
{
    /// <summary>A recovery without a secret.</summary>
    /// <param name="recovery">The recovery.</param>
    /// <param name="now">The time.</param>
    public static RecoveryView Of(Recovery recovery, DateTimeOffset now) => Of(new IssuedSecret(recovery, null), now);

    /// <summary>A recovery whose secret was just issued.</summary>
    /// <param name="issued">The recovery and its secret.</param>
    /// <param name="now">The time.</param>
    public static RecoveryView Of(IssuedSecret issued, DateTimeOffset now)
    {
        var (recovery, secret) = issued;
        var request = recovery.Request;
        return new RecoveryView(
            recovery.Id, recovery.State, request.Account, request.Application, request.Means, request.CodeFormat, request.Channel,
            Duration.Format(request.Lifetime), request.NotBefore, request.Revoke,
            [.. recovery.Requirements.Select(r => RequirementView.Of(r, now))], RecoveryAssurance.Of(recovery), recovery.Digest,
            recovery.DecisionDigest,
            request.Reason is { } reason ? new ReasonView(reason.Code, reason.Text, reason.Ticket) : null,
            request.Means == Means.Escrow ? request.RequestKeyFingerprint : null,
            PrincipalView.Of(recovery.RequestedBy), recovery.OpenUntil, recovery.CreatedAt, recovery.ClosedAt,
            recovery.Secret is { } live ? new GenerationView(live.Number, live.ExpiresAt, live.Usable, live.Redemptions) : null,
            secret is null ? null : SecretOf(secret, issued.SecondHalfTo),
            issued.Redemption is { } opened ? OpenedRedemptionView.Of(opened) : null);
    }

    private static Dictionary<string, object> SecretOf(MintedSecret secret, string? secondHalfTo)
    {
        var members = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            [WireName.Of(secret.Means)] = secret.Text.Reveal(),
            ["expires_at"] = secret.ExpiresAt,
        };
        if (secondHalfTo is not null)
        {
            members["second_half_to"] = secondHalfTo;
        }

        return members;
    }
}

/// <summary>The redemption of a means that has no secret, as it stands on the wire.</summary>
internal sealed record OpenedRedemptionView(
    string Token, DateTimeOffset ExpiresAt, IReadOnlyList<string> Allowed, object? RecoveryKey)
{
    public static OpenedRedemptionView Of(OpenedRedemption opened) => new(
        opened.Token.Reveal(), opened.ExpiresAt, opened.View.Allowed,
        opened.RecoveryKey is { } options ? RecoveryKeyJson.Options(options) : null);
}

/// <summary>A requirement as it stands on the wire.</summary>
internal sealed record RequirementView(
    RequirementKind Kind, bool Met, int? Count, IReadOnlyList<MetByView> MetBy, DateTimeOffset? Until, bool? OrEvidence,
    string? Evidence, IReadOnlyList<string>? ReasonCodes, string? TicketPattern, IReadOnlyList<string>? Over, ApproversView? Approvers,
    bool? Signed)
{
    public static RequirementView Of(Requirement requirement, DateTimeOffset now) => new(
        requirement.Kind, requirement.IsMet(now),
        requirement.Kind == RequirementKind.Approvals ? requirement.Count : null,
        [.. requirement.Met.Select(m => new MetByView(PrincipalView.Of(m.By), m.How, m.At, m.Over, m.Signature is null ? null : true))],
        requirement.Until,
        requirement.Kind == RequirementKind.Confirmation ? requirement.OrEvidence : null,
        requirement.EvidenceKind,
        requirement.ReasonCodes.IsEmpty ? null : requirement.ReasonCodes,
        requirement.TicketPattern,
        requirement.Over.IsEmpty ? null : requirement.Over,
        requirement is { Kind: RequirementKind.Approvals } and ({ FromGroups.IsEmpty: false } or { FromAnotherGroup: true } or { ByManager: true })
            ? new ApproversView(
                requirement.FromGroups.IsEmpty ? null : requirement.FromGroups, requirement.FromAnotherGroup ? true : null, requirement.ByManager ? true : null)
            : null,
        requirement.Signed ? true : null);
}

/// <summary>Whose approvals count; without it everybody's.</summary>
internal sealed record ApproversView(IReadOnlyList<string>? Groups, bool? AnotherGroup, bool? Manager);

/// <summary>Who met a requirement.</summary>
internal sealed record MetByView(PrincipalView By, string How, DateTimeOffset At, string? Over, bool? Signed);

/// <summary>Who acts.</summary>
internal sealed record PrincipalView(PrincipalKind Kind, string Id)
{
    public static PrincipalView Of(Principal principal) => new(principal.Kind, principal.Id);
}

/// <summary>A reason, as it is sent and shown.</summary>
internal sealed record ReasonView(string? Code = null, [property: FreeText] string? Text = null, string? Ticket = null)
{
    public Reason ToReason() => new(Code, Text, Ticket);
}

/// <summary>The live generation of the secret.</summary>
internal sealed record GenerationView(int Number, DateTimeOffset ExpiresAt, bool Usable, int Redemptions);
