using System.Security.Cryptography;
using Sparekey.Core;

namespace Sparekey.Engine;

/// <summary>Makes ids from the system's generator.</summary>
internal static class NewId
{
    /// <summary>A new id of 122 random bits.</summary>
    public static TId Make<TId>()
        where TId : struct, IId<TId>
    {
        Span<byte> random = stackalloc byte[16];
        do
        {
            RandomNumberGenerator.Fill(random);
        }
        while (random[^1] == 0 || random[^2] == 0); // An account's id is a passkey's user handle, and some decoders drop a zero at the end.

        return Ids.FromRandom<TId>(random);
    }
}
