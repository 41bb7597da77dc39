using System.Globalization;
using System.Numerics;
using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>
/// Ids as Dfns writes them: a prefix and groups of 5, 5 and 15 letters and digits, which are the UUID in base 36. An account that came
/// from Dfns keeps the id that it had there, as an external id.
/// </summary>
internal static class DfnsId
{
    /// <summary>Of external and client ids of this dialect.</summary>
    public const string Dialect = "dfns";

    private const string Digits = "0123456789abcdefghijklmnopqrstuvwxyz";
    private const int Length = 25; // 36^25 > 2^128

    /// <summary>The id of a user.</summary>
    /// <param name="account">The account.</param>
    public static string OfUser(Account account) =>
        account.ExternalIds.FirstOrDefault(e => e.Dialect == Dialect && e.Id.StartsWith("us-", StringComparison.Ordinal))?.Id
        ?? Of("us", account.Id.Value);

    /// <summary>Writes an id.</summary>
    /// <param name="prefix">What it is of, for example <c>cr</c>.</param>
    /// <param name="id">The UUID.</param>
    public static string Of(string prefix, Guid id)
    {
        var number = new BigInteger(id.ToByteArray(bigEndian: true), isUnsigned: true, isBigEndian: true);
        var text = new char[Length];
        for (var i = Length - 1; i >= 0; i--)
        {
            number = BigInteger.DivRem(number, 36, out var digit);
            text[i] = Digits[(int)digit];
        }

        var digits = new string(text);
        return string.Create(CultureInfo.InvariantCulture, $"{prefix}-{digits[..5]}-{digits[5..10]}-{digits[10..]}");
    }

    /// <summary>Reads the id of a credential; null for every text that <see cref="Of"/> does not write.</summary>
    /// <param name="text">The text.</param>
    public static CredentialId? ReadCredential(string text)
    {
        var bare = text.StartsWith("cr-", StringComparison.Ordinal) ? text[3..].Replace("-", "", StringComparison.Ordinal) : "";
        if (bare.Length != Length || !bare.All(c => Digits.Contains(c, StringComparison.Ordinal)))
        {
            return null;
        }

        var number = bare.Aggregate(BigInteger.Zero, (sum, c) => (sum * 36) + Digits.IndexOf(c, StringComparison.Ordinal));
        Span<byte> bytes = stackalloc byte[16];
        if (number.GetByteCount(isUnsigned: true) > bytes.Length)
        {
            return null;
        }

        var written = number.ToByteArray(isUnsigned: true, isBigEndian: true);
        written.CopyTo(bytes[(16 - written.Length)..]);
        var id = new CredentialId(new Guid(bytes, bigEndian: true));
        return Of("cr", id.Value) == text ? id : null;
    }
}
