using System.Collections.Concurrent;
using System.Text;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

/// <summary>Passbolt's test keys, opened once: their passphrases cost as much as all the rest.</summary>
internal static class VectorKeys
{
    private static readonly ConcurrentDictionary<string, Task<PgpSecretKey>> Opened = new(StringComparer.Ordinal);

    public static DateTimeOffset Now { get; } = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);

    public static Task<PgpSecretKey> Secret(string name) => Opened.GetOrAdd(name, async n =>
    {
        var key = await PassboltVectors.Key(n);
        return key.Unprotected is { } unprotected
            ? PgpSecretKey.Open(Encoding.UTF8.GetBytes(unprotected), []).Value
            : PgpSecretKey.Open(Encoding.UTF8.GetBytes(key.Private), Encoding.UTF8.GetBytes(key.Passphrase)).Value;
    });

    public static async Task<PgpKey> Public(string name)
    {
        var read = PgpKey.Read((await PassboltVectors.Key(name)).Public);
        return read.Refusal is { } refusal ? throw new InvalidOperationException($"{name}: {refusal.Detail}") : read.Value;
    }

    /// <summary>A secret key in whose block its revocation stands, as it does once that was imported where the key lies.</summary>
    public static string Revoked(PgpSecretKey key, DateTimeOffset now)
    {
        _ = PgpArmor.Read(PgpRevocation.Revoke(key, now), int.MaxValue, out var block);
        var revoked = block.Packets.Span;
        var revocation = PgpPackets.Read(revoked)![1];
        var primary = PgpPackets.Read(key.Packets)![0];
        return PgpArmor.WriteText([.. key.Packets[..primary.End], .. revoked[revocation.Start..revocation.End], .. key.Packets[primary.End..]], PgpArmor.SecretKey);
    }

    public static PgpFault? Fault<T>(this Sparekey.Core.Result<T> result) => PgpRefusals.FaultOf(result.Refusal);
}
