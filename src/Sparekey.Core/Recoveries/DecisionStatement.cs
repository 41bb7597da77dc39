using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Sparekey.Core.Access;

namespace Sparekey.Core.Recoveries;

/// <summary>What people decide.</summary>
public enum DecisionKind
{
    /// <summary>The person says that it is them who asks.</summary>
    Confirmation,

    /// <summary>Somebody saw proof of who the person is.</summary>
    Evidence,

    /// <summary>Somebody who was asked agrees.</summary>
    Approval,

    /// <summary>Somebody who was asked says no.</summary>
    Denial,
}

/// <summary>
/// One decision of one principal on one recovery, as a passkey signs it: its hash is the challenge. It names the recovery, the digest of
/// the request, everything that is demanded of it, what is decided, by whom and with which words. What you see is what you sign: a
/// signature fits no other recovery, request, demand or decision.
/// </summary>
/// <param name="Kind">What is decided.</param>
/// <param name="By">Who decides.</param>
/// <param name="Recovery">The recovery.</param>
/// <param name="Nonce">What makes it another statement each time: 43 characters of base64url.</param>
public sealed record DecisionStatement(DecisionKind Kind, Principal By, Recovery Recovery, string Nonce)
{
    /// <summary>For evidence its kind, for a confirmation the channel.</summary>
    public string? How { get; init; }

    /// <summary>What is said beside it.</summary>
    public string? Comment { get; init; }

    /// <summary>Whether it can be written: no text holds half a character.</summary>
    public bool CanBeWritten => CanonicalJson.CanWrite(How) && CanonicalJson.CanWrite(Comment);

    /// <summary>The statement as canonical JSON (RFC 8785), for who wants to see what is signed.</summary>
    public string Text => Encoding.UTF8.GetString(Bytes());

    /// <summary>SHA-256 of it: 43 characters of base64url.</summary>
    public string Hash => Base64Url.EncodeToString(SHA256.HashData(Bytes()));

    /// <summary>
    /// SHA-256 over the canonical JSON of a recovery's id, the digest of its request and its demands: what is decided on. It changes where
    /// the request does and where policy demands more; not where somebody else decides.
    /// </summary>
    /// <param name="recovery">The recovery.</param>
    /// <returns>43 characters of base64url.</returns>
    public static string DigestOf(Recovery recovery) => Base64Url.EncodeToString(SHA256.HashData(CanonicalJson.Write(Subject(recovery))));

    private byte[] Bytes()
    {
        var members = Subject(Recovery);
        members["decision"] = WireName.Of(Kind);
        members["by"] = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["kind"] = WireName.Of(By.Kind), ["id"] = By.Id, ["owner"] = By.OwnerId,
        };
        members["how"] = How;
        members["comment"] = Comment;
        members["nonce"] = Nonce;
        return CanonicalJson.Write(members);
    }

    private static Dictionary<string, object?> Subject(Recovery recovery) => new(StringComparer.Ordinal)
    {
        ["v"] = 1,
        ["recovery"] = recovery.Id.ToString(),
        ["digest"] = recovery.Digest,
        ["requirements"] = recovery.Requirements.Select(r => Encoding.UTF8.GetString(CanonicalJson.Write(Demand(r))))
            .Order(StringComparer.Ordinal).ToList(),
    };

    // What is demanded, without who met it.
    private static Dictionary<string, object?> Demand(Requirement requirement) => new(StringComparer.Ordinal)
    {
        ["kind"] = WireName.Of(requirement.Kind),
        ["count"] = requirement.Count,
        ["reason_codes"] = requirement.ReasonCodes.ToList(),
        ["ticket_pattern"] = requirement.TicketPattern,
        ["or_evidence"] = requirement.OrEvidence,
        ["over"] = requirement.Over.ToList(),
        ["evidence"] = requirement.EvidenceKind,
        ["groups"] = requirement.FromGroups.ToList(),
        ["another_group"] = requirement.FromAnotherGroup,
        ["manager"] = requirement.ByManager,
        ["signed"] = requirement.Signed,
        ["until"] = requirement.Until?.ToUnixTimeMilliseconds(),
    };
}
