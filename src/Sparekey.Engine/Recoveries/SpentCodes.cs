using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Remembers for a day which codes of an account ended and how, as keyed hashes under seal, so that a programme which vouches for a try
/// can be told "used" from "never was". Nothing here can be redeemed: what is redeemed stands in <see cref="RecoveryStore"/>.
/// </summary>
/// <param name="store">The recoveries.</param>
/// <param name="ceremonies">Where they are remembered.</param>
/// <param name="secrets">Compares.</param>
internal sealed class SpentCodes(RecoveryStore store, CeremonyStore ceremonies, RecoverySecrets secrets)
{
    private const string Kind = "codes.spent";
    private const int Most = 20;
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(24);

    /// <summary>Remembers the codes of a recovery whose generation ends in this act, before their rows go.</summary>
    /// <param name="act">The act.</param>
    /// <param name="ended">The recovery as it was before.</param>
    public async Task Keep(Act act, Recovery ended)
    {
        if (ended.Request.Means != Means.Code || ended.Request.CodeFormat is not { } format || ended.Secret is not { } generation)
        {
            return;
        }

        var account = ended.Request.Account;
        var over = !generation.IsAlive(act.Now);
        var codes = (await store.CodesOf(act.Db, act.Tenant, account)).Where(c => c.Recovery == ended.Id)
            .Select(c => new One(c.Id, c.Recovery, c.Hash.KeyVersion, c.Hash.Mac, over)).ToList();
        var found = await Find(act.Db, act.Tenant, account, format, act.Now);
        if (found is not null)
        {
            await ceremonies.Consume(act, Kind, NameOf(account, format), found.Version);
        }

        await ceremonies.TryBegin(
            act, Kind, NameOf(account, format),
            new Ceremony<List<One>>(account, null, [.. (found?.State ?? []).TakeLast(Most - codes.Count), .. codes], 1), act.Now + Remembered);
    }

    /// <summary>How a code ended.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    /// <param name="format">Its form.</param>
    /// <param name="normal">What was typed, in the form to compare.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// <see cref="RefusalCode.RecoveryExpired"/>, <see cref="RefusalCode.RecoveryClosed"/>, or <see cref="RefusalCode.SecretInvalid"/> for
    /// a code that never was, or is forgotten.
    /// </returns>
    public async Task<RefusalCode> EndOf(
        DbSession db, TenantId tenant, AccountId account, Core.Secrets.CodeFormat format, string normal, DateTimeOffset now)
    {
        var known = (await Find(db, tenant, account, format, now))?.State.Find(
            c => secrets.Matches(tenant, new StoredSecret(c.Id, c.Recovery, Means.Code, new Keys.KeyedHash(c.KeyVersion, c.Mac)), normal));
        return known is null ? RefusalCode.SecretInvalid : known.Expired ? RefusalCode.RecoveryExpired : RefusalCode.RecoveryClosed;
    }

    private Task<Ceremony<List<One>>?> Find(
        DbSession db, TenantId tenant, AccountId account, Core.Secrets.CodeFormat format, DateTimeOffset now) =>
        ceremonies.Find<List<One>>(db, tenant, Kind, NameOf(account, format), now);

    private static string NameOf(AccountId account, Core.Secrets.CodeFormat format) => $"{account}/{WireName.Of(format)}";

    private sealed record One(Guid Id, RecoveryId Recovery, int KeyVersion, byte[] Mac, bool Expired);
}
