using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>A person's OpenPGP public key.</summary>
/// <param name="Id">Its id, which dialects show.</param>
/// <param name="Account">Whose.</param>
/// <param name="Fingerprint">40 upper-case hexadecimal digits.</param>
/// <param name="Armored">The public key as it was given.</param>
/// <param name="CreatedAt">When it was given.</param>
/// <param name="ModifiedAt">When it last changed.</param>
public sealed record PersonKey(
    PersonKeyId Id, AccountId Account, string Fingerprint, string Armored, DateTimeOffset CreatedAt, DateTimeOffset ModifiedAt)
{
    /// <summary>What it says of itself.</summary>
    public required PersonKeyFacts Facts { get; init; }

    /// <summary>When another key took its place; null for the one in use.</summary>
    public DateTimeOffset? DeletedAt { get; init; }
}

/// <summary>What a public key says of itself, as it was read when it was given.</summary>
/// <param name="Algorithm">Its algorithm.</param>
/// <param name="Bits">Its length.</param>
/// <param name="UserName">The first user id in it; empty for none.</param>
/// <param name="MadeAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends; null for never.</param>
public sealed record PersonKeyFacts(PgpAlgorithm Algorithm, int Bits, string UserName, DateTimeOffset MadeAt, DateTimeOffset? ExpiresAt);

/// <summary>Which keys.</summary>
/// <param name="Accounts">Of these people; null for everybody.</param>
/// <param name="ModifiedAfter">Those that changed since, the ones that were replaced too; null for those in use.</param>
/// <param name="Limit">How many at most.</param>
/// <param name="Offset">How many are passed over.</param>
public sealed record PersonKeyFilter(IReadOnlyCollection<AccountId>? Accounts, DateTimeOffset? ModifiedAfter, int Limit, int Offset = 0);
