using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.RecoveryCodes;

/// <summary>One code of a person's set as it is stored.</summary>
/// <param name="Credential">The set.</param>
/// <param name="Name">Which of the set it is.</param>
/// <param name="Hash">The keyed hash of its secret.</param>
/// <param name="Tries">Wrong tries that named it.</param>
/// <param name="Recovery">The recovery that it opened; null when none yet.</param>
internal sealed record StoredRecoveryCode(CredentialId Credential, string Name, KeyedHash Hash, int Tries, RecoveryId? Recovery)
{
    /// <summary>Whether wrong tries have left it any (N18).</summary>
    public bool TakesTries => Tries < RecoveryLimits.Tries;
}

/// <summary>A person's set of codes.</summary>
/// <param name="Credential">The credential that it is.</param>
/// <param name="Left">How many codes of it can still be used.</param>
internal sealed record RecoveryCodeSet(CredentialId Credential, int Left);

/// <summary>
/// The codes of people's sets, each as a keyed hash alone (N3, A12). A set is one credential, and its codes go with it. It writes rows
/// and nothing else: the use case that calls it writes the ledger and the notice in the same act.
/// </summary>
/// <param name="keys">Hashes codes.</param>
internal sealed class RecoveryCodeStore(KeyRing keys)
{
    private static readonly KeyedHash Nothing = new(0, new byte[32]);

    /// <summary>Makes codes into a set.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="set">The set, already stored.</param>
    /// <param name="count">How many.</param>
    /// <returns>The codes as they are shown, once.</returns>
    public async Task<IReadOnlyList<SecretText>> Make(Act act, AccountId account, CredentialId set, int count)
    {
        var taken = new HashSet<string>(
            await act.Db.List<string>(
                "SELECT name FROM recovery_codes WHERE tenant_id = @tenant AND credential_id = @set",
                new { tenant = act.Tenant.ToString(), set = set.ToString() }),
            StringComparer.Ordinal);
        var shown = new List<SecretText>(count);
        while (shown.Count < count)
        {
            var name = SavedCode.MakeName(RandomNumberGenerator.GetInt32);
            if (taken.Add(name))
            {
                var code = SavedCode.Make(name, RandomNumberGenerator.GetInt32);
                await Add(act, account, set, code);
                shown.Add(SavedCode.Show(code));
            }
        }

        return shown;
    }

    /// <summary>The code of an account that a text is. Costs the same whoever is named and whatever was typed.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose; null for nobody's.</param>
    /// <param name="typed">What was typed.</param>
    /// <returns>The code that it names, if there is one, and whether it is that code.</returns>
    public async Task<(StoredRecoveryCode? Named, bool IsIt)> Match(DbSession db, TenantId tenant, AccountId? account, SavedCodeReading typed)
    {
        var whose = account ?? default;
        var row = await db.Find<Row>(
            """
            SELECT c.credential_id AS Credential, c.name AS Name, c.key_version AS KeyVersion, c.mac AS Mac, c.tries AS Tries,
                c.recovery_id AS Recovery
            FROM credentials s JOIN recovery_codes c ON c.tenant_id = s.tenant_id AND c.credential_id = s.id
            WHERE s.tenant_id = @tenant AND s.account_id = @account AND s.kind = 'recovery_codes' AND s.state = 'active' AND c.name = @name
            """,
            new { tenant = tenant.ToString(), account = whose.ToString(), name = typed.Name });
        var named = row?.Read();
        var context = Context(tenant, whose, named?.Credential ?? default, typed.Name);
        var isIt = keys.Verify(named?.Hash ?? Nothing, KeyPurpose.SavedCode, context, Encoding.UTF8.GetBytes(typed.Secret.Reveal()));
        return (named, isIt && named is not null);
    }

    /// <summary>Counts a wrong try that named a code.</summary>
    /// <param name="act">The act.</param>
    /// <param name="code">The code.</param>
    public Task<int> CountTry(Act act, StoredRecoveryCode code) => act.Db.Execute(
        "UPDATE recovery_codes SET tries = tries + 1 WHERE tenant_id = @tenant AND credential_id = @set AND name = @name",
        new { tenant = act.Tenant.ToString(), set = code.Credential.ToString(), name = code.Name });

    /// <summary>Notes the recovery that a code opened.</summary>
    /// <param name="act">The act.</param>
    /// <param name="code">The code.</param>
    /// <param name="recovery">The recovery.</param>
    public Task<int> NoteRecovery(Act act, StoredRecoveryCode code, RecoveryId recovery) => act.Db.Execute(
        "UPDATE recovery_codes SET recovery_id = @recovery WHERE tenant_id = @tenant AND credential_id = @set AND name = @name",
        new { tenant = act.Tenant.ToString(), set = code.Credential.ToString(), name = code.Name, recovery = recovery.ToString() });

    /// <summary>Uses up the code that opened a recovery.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery.</param>
    /// <returns>The set, with what is left of it; null when it is gone, or the code was used up before.</returns>
    public async Task<RecoveryCodeSet?> Spend(Act act, RecoveryId recovery)
    {
        var row = new { tenant = act.Tenant.ToString(), recovery = recovery.ToString(), now = act.NowMs };
        var spent = await act.Db.Execute(
            "UPDATE recovery_codes SET spent_at = @now WHERE tenant_id = @tenant AND recovery_id = @recovery AND spent_at IS NULL", row);
        var set = spent == 1
            ? await act.Db.Scalar<string>(
                "SELECT credential_id FROM recovery_codes WHERE tenant_id = @tenant AND recovery_id = @recovery", row)
            : null;
        return set is null ? null : await Read(act.Db, act.Tenant, set);
    }

    /// <summary>An account's set that works; null when it has none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    public async Task<RecoveryCodeSet?> Find(DbSession db, TenantId tenant, AccountId account) =>
        await db.Scalar<string>(
            "SELECT id FROM credentials WHERE tenant_id = @tenant AND account_id = @account AND kind = 'recovery_codes' AND state = 'active'",
            new { tenant = tenant.ToString(), account = account.ToString() }) is { } set
            ? await Read(db, tenant, set)
            : null;

    /// <summary>How many codes of a set can still be used.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="set">The set.</param>
    public async Task<int> Left(DbSession db, TenantId tenant, CredentialId set) => (int)await db.Scalar<long>(
        "SELECT COUNT(*) FROM recovery_codes WHERE tenant_id = @tenant AND credential_id = @set AND spent_at IS NULL AND tries < @most",
        new { tenant = tenant.ToString(), set = set.ToString(), most = RecoveryLimits.Tries });

    /// <summary>Whether the code that opened a recovery is still its person's: with its set, or the set's rest, goes what it opened.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="recovery">The recovery.</param>
    public async Task<bool> StandsBehind(DbSession db, TenantId tenant, RecoveryId recovery) => await db.Scalar<long>(
        """
        SELECT COUNT(*) FROM recovery_codes c JOIN credentials s ON s.tenant_id = c.tenant_id AND s.id = c.credential_id
        WHERE c.tenant_id = @tenant AND c.recovery_id = @recovery AND c.spent_at IS NULL AND s.state = 'active'
        """,
        new { tenant = tenant.ToString(), recovery = recovery.ToString() }) == 1;

    private Task<int> Add(Act act, AccountId account, CredentialId set, SavedCodeReading code)
    {
        var hash = keys.Hash(
            KeyPurpose.SavedCode, Context(act.Tenant, account, set, code.Name), Encoding.UTF8.GetBytes(code.Secret.Reveal()));
        return act.Db.Execute(
            """
            INSERT INTO recovery_codes (tenant_id, credential_id, name, key_version, mac, tries)
            VALUES (@tenant, @set, @name, @keyVersion, @mac, 0)
            """,
            new { tenant = act.Tenant.ToString(), set = set.ToString(), name = code.Name, keyVersion = hash.KeyVersion, mac = hash.Mac });
    }

    private async Task<RecoveryCodeSet> Read(DbSession db, TenantId tenant, string set)
    {
        var id = Ids.Parse<CredentialId>(set);
        return new RecoveryCodeSet(id, await Left(db, tenant, id));
    }

    // Equal codes never have equal hashes, and a code fits its own place in its own person's set alone (A16).
    private static string Context(TenantId tenant, AccountId account, CredentialId set, string name) => $"{tenant}/{account}/{set}/{name}";

    private sealed record Row(string Credential, string Name, long KeyVersion, byte[] Mac, long Tries, string? Recovery)
    {
        public StoredRecoveryCode Read() => new(
            Ids.Parse<CredentialId>(Credential), Name, new KeyedHash((int)KeyVersion, Mac), (int)Tries,
            Recovery is null ? null : Ids.Parse<RecoveryId>(Recovery));
    }
}
