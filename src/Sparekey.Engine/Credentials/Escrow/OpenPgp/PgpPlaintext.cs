using System.Collections.Immutable;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>How a signature came out.</summary>
public enum PgpValidity
{
    /// <summary>Valid, by a known key.</summary>
    Valid,

    /// <summary>Wrong, over, or of a kind that is no longer trusted.</summary>
    Invalid,

    /// <summary>By a key that was not among those to be recognised.</summary>
    UnknownSigner,
}

/// <summary>One signature of a message.</summary>
/// <param name="Fingerprint">The fingerprint of the primary key that verified it, or null when none did.</param>
/// <param name="Validity">How it came out.</param>
/// <param name="SignedAt">When it says that it was made.</param>
public sealed record PgpSignature(string? Fingerprint, PgpValidity Validity, DateTimeOffset? SignedAt);

/// <summary>What was inside a message, in pinned memory that is wiped when disposed, and its signatures.</summary>
public sealed class PgpPlaintext : IDisposable
{
    private readonly PinnedBytes _bytes;

    internal PgpPlaintext(PinnedBytes bytes, ImmutableArray<PgpSignature> signatures)
    {
        _bytes = bytes;
        Signatures = signatures;
    }

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.Span;

    /// <summary>Every signature, in the message's order. None for an unsigned message.</summary>
    public ImmutableArray<PgpSignature> Signatures { get; }

    /// <summary>
    /// Why this is not signed by one of some keys, or null: <see cref="PgpFault.Unsigned"/>, <see cref="PgpFault.SignatureInvalid"/> (any one),
    /// <see cref="PgpFault.UnknownSigner"/>.
    /// </summary>
    /// <param name="signers">Who may have signed.</param>
    public PgpFault? FaultOfSigners(IEnumerable<PgpKey> signers)
    {
        if (Signatures.IsEmpty)
        {
            return PgpFault.Unsigned;
        }

        if (Signatures.Any(s => s.Validity == PgpValidity.Invalid))
        {
            return PgpFault.SignatureInvalid;
        }

        var expected = signers.Select(k => k.Fingerprint).ToHashSet(StringComparer.Ordinal);
        return Signatures.Any(s => s.Validity == PgpValidity.Valid && expected.Contains(s.Fingerprint!)) ? null : PgpFault.UnknownSigner;
    }

    /// <inheritdoc/>
    public void Dispose() => _bytes.Dispose();

    /// <summary>Shows nothing.</summary>
    public override string ToString() => nameof(PgpPlaintext);
}
