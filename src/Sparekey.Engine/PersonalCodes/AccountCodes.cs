using System.Text;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Secrets;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.PersonalCodes;

/// <summary>What a code that is no recovery is for.</summary>
public enum CodePurpose
{
    /// <summary>Signing in once, somewhere else.</summary>
    SignIn,

    /// <summary>Adding a device, by the person who proved another one.</summary>
    AddDevice,
}

/// <summary>Which codes of an account are meant.</summary>
/// <param name="Account">Whose.</param>
/// <param name="Purpose">What for.</param>
/// <param name="Format">Their form.</param>
/// <param name="Group">The group of applications that they are for.</param>
public sealed record CodeSet(AccountId Account, CodePurpose Purpose, CodeFormat Format, string Group);

/// <summary>A code as it was made.</summary>
/// <param name="Text">The code, shown once.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="IsAuthorized">Whether it can be used.</param>
public sealed record IssuedCode(SecretText Text, DateTimeOffset ExpiresAt, bool IsAuthorized);

/// <summary>
/// Codes that stand beside recoveries: each set is one short-lived sealed state, which holds keyed hashes of its codes (A12). Several
/// may be live at once; each counts its own wrong tries, as the codes of recoveries do (N18).
/// </summary>
/// <param name="ceremonies">Where sets stand.</param>
/// <param name="keys">Hashes codes.</param>
internal sealed class AccountCodes(CeremonyStore ceremonies, KeyRing keys)
{
    /// <summary>The kind of these ceremonies. They end with the sessions of their account: a code is worth what a session is.</summary>
    public const string Kind = "codes";

    private const int Most = 20;

    // How long a code that is over can be told from one that never was.
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(24);

    /// <summary>One code.</summary>
    internal sealed record One(Guid Id, int KeyVersion, byte[] Mac, long ExpiresAt, bool Authorized, bool Over, int Tries, int HandleTries)
    {
        public bool IsLive(DateTimeOffset now) => !Over && now.ToUnixTimeMilliseconds() < ExpiresAt;

        public DateTimeOffset Ends => DateTimeOffset.FromUnixTimeMilliseconds(ExpiresAt);
    }

    /// <summary>Makes a code.</summary>
    /// <param name="act">The act.</param>
    /// <param name="set">Into which set.</param>
    /// <param name="lifetime">How long it lives.</param>
    /// <param name="authorized">Whether it can be used at once.</param>
    /// <returns>The code; or <see cref="RefusalCode.TooManyRequests"/> while too many are live.</returns>
    public async Task<Result<IssuedCode>> Issue(Act act, CodeSet set, TimeSpan lifetime, bool authorized)
    {
        var found = await Find(act.Db, act.Tenant, set, act.Now);
        var (codes, version) = (found?.State ?? [], found?.Version);
        if (codes.Count(c => c.IsLive(act.Now)) >= Most)
        {
            return new Refusal(RefusalCode.TooManyRequests) { RetryAfter = lifetime };
        }

        var code = SecretMint.NewCode(set.Format, RecoveryLimits.ShortCodeDigits);
        var id = NewId.Make<EntryId>().Value;
        var typed = CodeText.Normalize(set.Format, code.Reveal()) ?? throw new InvalidOperationException("A minted code has a form of its own.");
        var hash = keys.Hash(KeyPurpose.RecoverySecret, Context(act.Tenant, set, id), Encoding.UTF8.GetBytes(typed));
        var ends = act.Now + lifetime;
        var made = new One(id, hash.KeyVersion, hash.Mac, ends.ToUnixTimeMilliseconds(), authorized, Over: false, 0, 0);
        await Write(act, set, [.. codes.OrderByDescending(c => c.ExpiresAt).Take(Most - 1), made], version);
        return new IssuedCode(code, ends, authorized);
    }

    /// <summary>The code of a set that a text is; null when it is none, whatever may be wrong with it now.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="set">The set.</param>
    /// <param name="typed">The text.</param>
    /// <param name="now">The time.</param>
    public async Task<One?> Match(DbSession db, TenantId tenant, CodeSet set, SecretText typed, DateTimeOffset now)
    {
        var codes = (await Find(db, tenant, set, now))?.State ?? [];
        var text = Encoding.UTF8.GetBytes(CodeText.Normalize(set.Format, typed.Reveal()) ?? "");
        return codes.OrderByDescending(c => c.IsLive(now)).FirstOrDefault(
            c => keys.Verify(new KeyedHash(c.KeyVersion, c.Mac), KeyPurpose.RecoverySecret, Context(tenant, set, c.Id), text));
    }

    /// <summary>Whether a code can be used now.</summary>
    /// <param name="act">The act.</param>
    /// <param name="set">Its set.</param>
    /// <param name="id">The code.</param>
    public async Task<bool> IsUsable(Act act, CodeSet set, Guid id) =>
        (await Find(act.Db, act.Tenant, set, act.Now))?.State.Find(c => c.Id == id) is { Authorized: true } code && code.IsLive(act.Now);

    /// <summary>Counts a try that fitted nothing against every live code of the set; at its limit a code is over.</summary>
    /// <param name="act">The act.</param>
    /// <param name="set">The set.</param>
    /// <param name="origin">What the try knew.</param>
    public Task CountTry(Act act, CodeSet set, TryOrigin origin) => Change(
        act, set, c => !c.IsLive(act.Now) ? c : Counted(origin == TryOrigin.Handle ? c with { HandleTries = c.HandleTries + 1 } : c with { Tries = c.Tries + 1 }));

    /// <summary>Lets a code be used.</summary>
    /// <param name="act">The act.</param>
    /// <param name="set">Its set.</param>
    /// <param name="id">The code.</param>
    public Task Authorize(Act act, CodeSet set, Guid id) => Change(act, set, c => c.Id == id ? c with { Authorized = true } : c);

    /// <summary>Ends one code, or all of a set.</summary>
    /// <param name="act">The act.</param>
    /// <param name="set">The set.</param>
    /// <param name="id">The code; null for all.</param>
    public Task End(Act act, CodeSet set, Guid? id) => Change(act, set, c => id is null || c.Id == id ? c with { Over = true } : c);

    private static One Counted(One code) =>
        code with { Over = code.Tries + code.HandleTries >= RecoveryLimits.Tries || code.HandleTries >= RecoveryLimits.TriesByHandle };

    private async Task Change(Act act, CodeSet set, Func<One, One> change)
    {
        if (await Find(act.Db, act.Tenant, set, act.Now) is { } found)
        {
            await Write(act, set, [.. found.State.Select(change)], found.Version);
        }
    }

    private Task<Ceremony<List<One>>?> Find(DbSession db, TenantId tenant, CodeSet set, DateTimeOffset now) =>
        ceremonies.Find<List<One>>(db, tenant, Kind, NameOf(set), now);

    // The set is begun anew with every change, so that it is there as long as its last code is remembered.
    private async Task Write(Act act, CodeSet set, List<One> codes, int? version)
    {
        if (version is { } found && !await ceremonies.Consume(act, Kind, NameOf(set), found))
        {
            throw new InvalidOperationException("A set of codes that was found in an act is there until its end.");
        }

        var until = codes.Max(c => c.Ends) + Remembered;
        if (!await ceremonies.TryBegin(act, Kind, NameOf(set), new Ceremony<List<One>>(set.Account, null, codes, 1), until))
        {
            throw new InvalidOperationException("A set of codes that was not found in an act is not there.");
        }
    }

    private static string NameOf(CodeSet set) => $"{set.Account}/{WireName.Of(set.Purpose)}/{WireName.Of(set.Format)}/{set.Group}";

    private static string Context(TenantId tenant, CodeSet set, Guid id) => $"{tenant}/{NameOf(set)}/{id:D}";
}
