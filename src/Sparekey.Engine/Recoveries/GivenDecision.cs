using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Engine.Recoveries;

/// <summary>A decision as somebody gives it.</summary>
/// <param name="Digest">What they saw: the recovery's <c>digest</c> or <c>decision_digest</c>.</param>
public sealed record GivenDecision(string Digest)
{
    /// <summary>What they say beside it, for people; stands in the ledger.</summary>
    public string? Comment { get; init; }

    /// <summary>The fingerprint of the request key that they compared with the person's; null where they name none.</summary>
    public string? RequestKey { get; init; }

    /// <summary>What their browser proved to the challenge of <see cref="SignDecisions.Begin"/>; null where they do not sign.</summary>
    public PasskeyAssertion? Assertion { get; init; }

    /// <summary>A decision without a word and a signature.</summary>
    /// <param name="digest">What they saw.</param>
    public static GivenDecision FromString(string digest) => new(digest);

    /// <summary>A decision without a word and a signature.</summary>
    /// <param name="digest">What they saw.</param>
    public static implicit operator GivenDecision(string digest) => FromString(digest);
}
