using System.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>
/// What is in escrow. The two halves stand in two tables, under two purposes of the key ring, each bound to its tenant, table and row: who
/// holds one half has nothing of the other. Parked escrows are found by none of this but what parks and brings back.
/// </summary>
/// <param name="keys">Seals both halves.</param>
internal sealed class EscrowStore(KeyRing keys) : ISealed
{
    private const string Blobs = "escrow_blobs";
    private const string Passwords = "escrow_passwords";

    private static readonly SealedColumn[] Sealed =
    [
        new(Blobs, "sealed", KeyPurpose.EscrowBlob), new(Passwords, "sealed", KeyPurpose.EscrowPassword),
    ];

    private const string PasswordQuery =
        """
        SELECT p.id AS Id, p.private_key_id AS PrivateKey, b.account_id AS Account, p.key_id AS KeyId, p.fingerprint AS Fingerprint,
            p.created_at AS CreatedAt, p.created_by AS CreatedBy, p.modified_at AS ModifiedAt, p.sealed AS Sealed
        FROM escrow_passwords p JOIN escrow_blobs b ON b.tenant_id = p.tenant_id AND b.id = p.private_key_id
        WHERE p.tenant_id = @tenant AND b.parked_in IS NULL
        """;

    /// <summary>The first half of a person's escrow; null where they have none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    public async Task<EscrowBlob?> FindBlob(DbSession db, TenantId tenant, AccountId account) => await db.Find<BlobRow>(
        """
        SELECT id AS Id, account_id AS Account, fingerprint AS Fingerprint, created_at AS CreatedAt, modified_at AS ModifiedAt, sealed AS Sealed
        FROM escrow_blobs WHERE tenant_id = @tenant AND account_id = @account AND parked_in IS NULL
        """,
        new { tenant = tenant.ToString(), account = account.ToString() }) is { } row
        ? new EscrowBlob(
            Ids.Parse<PrivateKeyId>(row.Id), account, row.Fingerprint, DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt),
            DateTimeOffset.FromUnixTimeMilliseconds(row.ModifiedAt))
        {
            Armored = Open(KeyPurpose.EscrowBlob, tenant, Blobs, row.Id, row.Sealed),
        }
        : null;

    /// <summary>The second half of a person's escrow, to the organisation key in force; null where they have none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    public async Task<EscrowPassword?> FindPassword(DbSession db, TenantId tenant, AccountId account) => await db.Find<PasswordRow>(
        $"""
        {PasswordQuery} AND b.account_id = @account
        AND p.key_id = (SELECT key_id FROM escrow_policies WHERE tenant_id = @tenant AND ended_at IS NULL)
        """,
        new { tenant = tenant.ToString(), account = account.ToString() }) is { } row
        ? Read(tenant, row)
        : null;

    /// <summary>A password message by id; null where there is none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The message.</param>
    public async Task<EscrowPassword?> FindPassword(DbSession db, TenantId tenant, EscrowPasswordId id) => await db.Find<PasswordRow>(
        $"{PasswordQuery} AND p.id = @id", new { tenant = tenant.ToString(), id = id.ToString() }) is { } row
        ? Read(tenant, row)
        : null;

    /// <summary>The messages to an organisation key, by creation.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="key">The key.</param>
    public async Task<IReadOnlyList<EscrowPassword>> PasswordsTo(DbSession db, TenantId tenant, EscrowKeyId key) =>
        [.. (await db.List<PasswordRow>(
            $"{PasswordQuery} AND p.key_id = @key ORDER BY p.created_at, p.id", new { tenant = tenant.ToString(), key = key.ToString() }))
            .Select(r => Read(tenant, r))];

    /// <summary>Messages to one organisation key whose private key has none to another yet, by private key.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="from">The one key.</param>
    /// <param name="to">The other.</param>
    /// <param name="after">Only those of private keys after this one; null from the beginning.</param>
    /// <param name="limit">How many at most.</param>
    public async Task<IReadOnlyList<EscrowPassword>> Unstaged(
        DbSession db, TenantId tenant, EscrowKeyId from, EscrowKeyId to, PrivateKeyId? after, int limit) =>
        [.. (await db.List<PasswordRow>(
            $"""
            {PasswordQuery} AND p.key_id = @from AND p.private_key_id > @after
            AND NOT EXISTS (SELECT 1 FROM escrow_passwords n
                WHERE n.tenant_id = p.tenant_id AND n.private_key_id = p.private_key_id AND n.key_id = @to)
            ORDER BY p.private_key_id LIMIT @limit
            """,
            new { tenant = tenant.ToString(), from = from.ToString(), to = to.ToString(), after = after?.ToString() ?? "", limit }))
            .Select(r => Read(tenant, r))];

    /// <summary>How many private keys are held, and for how many of them there is a message to a key.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="key">The key.</param>
    public async Task<(long Total, long WithMessage)> Count(DbSession db, TenantId tenant, EscrowKeyId key)
    {
        var row = (await db.Find<CountRow>(
            """
            SELECT COUNT(*) AS Total, COUNT(p.id) AS WithMessage FROM escrow_blobs b
            LEFT JOIN escrow_passwords p ON p.tenant_id = b.tenant_id AND p.private_key_id = b.id AND p.key_id = @key
            WHERE b.tenant_id = @tenant AND b.parked_in IS NULL
            """,
            new { tenant = tenant.ToString(), key = key.ToString() }))!;
        return (row.Total, row.WithMessage);
    }

    /// <summary>The fingerprint of a private key that is held.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The private key.</param>
    public Task<string?> FingerprintOf(DbSession db, TenantId tenant, PrivateKeyId id) => db.Scalar<string>(
        "SELECT fingerprint FROM escrow_blobs WHERE tenant_id = @tenant AND id = @id AND parked_in IS NULL",
        new { tenant = tenant.ToString(), id = id.ToString() });

    /// <summary>Every private key that is held.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<IReadOnlyList<PrivateKeyId>> PrivateKeys(DbSession db, TenantId tenant) =>
        [.. (await db.List<string>(
            "SELECT id FROM escrow_blobs WHERE tenant_id = @tenant AND parked_in IS NULL ORDER BY id",
            new { tenant = tenant.ToString() })).Select(Ids.Parse<PrivateKeyId>)];

    /// <summary>Stores an escrow, and shows it among the person's credentials.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="enrolment">The decision that it follows from.</param>
    /// <param name="fingerprint">The fingerprint of the person's key.</param>
    /// <param name="escrow">Both halves.</param>
    /// <param name="organisation">The fingerprint of the organisation key.</param>
    public async Task<PrivateKeyId> Add(
        Act act, AccountId account, EnrolmentId enrolment, string fingerprint, CheckedEscrow escrow, string organisation)
    {
        var id = NewId.Make<PrivateKeyId>();
        var row = new
        {
            tenant = act.Tenant.ToString(),
            id = id.ToString(),
            account = account.ToString(),
            enrolment = enrolment.ToString(),
            fingerprint,
            now = act.NowMs,
            envelope = Seal(KeyPurpose.EscrowBlob, act.Tenant, Blobs, id.ToString(), escrow.Blob),
        };
        await act.Db.Execute(
            """
            INSERT INTO escrow_blobs (tenant_id, id, account_id, enrolment_id, fingerprint, created_at, modified_at, sealed)
            VALUES (@tenant, @id, @account, @enrolment, @fingerprint, @now, @now, @envelope)
            """,
            row);
        await AddPassword(act, id, escrow.Key, organisation, escrow.Password, Principal.Of(account));
        await act.Db.Execute(
            """
            INSERT INTO credentials (tenant_id, id, account_id, kind, created_at, version, body)
            VALUES (@tenant, @id, @account, 'escrow', @now, 1, '{}')
            """,
            row);
        return id;
    }

    /// <summary>Stores a message for a private key. One that is there already stays.</summary>
    /// <param name="act">The act.</param>
    /// <param name="privateKey">The private key.</param>
    /// <param name="key">The organisation key that it is encrypted to.</param>
    /// <param name="fingerprint">That key's fingerprint.</param>
    /// <param name="message">The message.</param>
    /// <param name="by">Who gives it.</param>
    /// <returns>Whether there was none.</returns>
    public async Task<bool> AddPassword(Act act, PrivateKeyId privateKey, EscrowKeyId key, string fingerprint, string message, Principal by)
    {
        var id = NewId.Make<EscrowPasswordId>().ToString();
        return await act.Db.Execute(
            """
            INSERT INTO escrow_passwords (tenant_id, id, private_key_id, key_id, fingerprint, created_at, created_by, modified_at, sealed)
            VALUES (@tenant, @id, @privateKey, @key, @fingerprint, @now, @by, @now, @envelope)
            ON CONFLICT (tenant_id, private_key_id, key_id) DO NOTHING
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id,
                privateKey = privateKey.ToString(),
                key = key.ToString(),
                fingerprint,
                now = act.NowMs,
                by = by.Id,
                envelope = Seal(KeyPurpose.EscrowPassword, act.Tenant, Passwords, id, message),
            }) == 1;
    }

    /// <summary>Deletes the messages to an organisation key that are not parked.</summary>
    /// <param name="act">The act.</param>
    /// <param name="key">The key.</param>
    /// <returns>How many there were.</returns>
    public Task<int> DeletePasswordsTo(Act act, EscrowKeyId key) => act.Db.Execute(
        """
        DELETE FROM escrow_passwords WHERE tenant_id = @tenant AND key_id = @key AND private_key_id IN
            (SELECT id FROM escrow_blobs WHERE tenant_id = @tenant AND parked_in IS NULL)
        """,
        new { tenant = act.Tenant.ToString(), key = key.ToString() });

    /// <summary>Deletes a person's escrow; their decision stays.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> Delete(Act act, AccountId account) => await Delete(act, "account_id = @account AND parked_in IS NULL", account) > 0;

    /// <summary>Deletes everything of a person, parked or not, with the account.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    public async Task DeleteAll(Act act, AccountId account)
    {
        await Delete(act, "account_id = @account", account);
        await act.Db.Execute(
            "DELETE FROM escrow_enrolments WHERE tenant_id = @tenant AND account_id = @account",
            new { tenant = act.Tenant.ToString(), account = account.ToString() });
    }

    /// <summary>Takes all escrows and decisions out of reach, until they are brought back or deleted.</summary>
    /// <param name="act">The act.</param>
    /// <param name="under">The policy that disables escrow.</param>
    /// <returns>How many private keys there were.</returns>
    public async Task<int> Park(Act act, EscrowPolicyId under)
    {
        var row = new { tenant = act.Tenant.ToString(), under = under.ToString() };
        await act.Db.Execute("DELETE FROM credentials WHERE tenant_id = @tenant AND kind = 'escrow'", row);
        await act.Db.Execute("UPDATE escrow_enrolments SET parked_in = @under WHERE tenant_id = @tenant AND parked_in IS NULL", row);
        return await act.Db.Execute("UPDATE escrow_blobs SET parked_in = @under WHERE tenant_id = @tenant AND parked_in IS NULL", row);
    }

    /// <summary>Brings back what was parked.</summary>
    /// <param name="act">The act; nothing is in escrow now.</param>
    /// <param name="under">The policy that disabled escrow.</param>
    /// <returns>How many private keys there are.</returns>
    public async Task<int> Unpark(Act act, EscrowPolicyId under)
    {
        var row = new { tenant = act.Tenant.ToString(), under = under.ToString() };
        await act.Db.Execute(
            """
            INSERT INTO credentials (tenant_id, id, account_id, kind, created_at, version, body)
            SELECT tenant_id, id, account_id, 'escrow', created_at, 1, '{}' FROM escrow_blobs WHERE tenant_id = @tenant AND parked_in = @under
            """,
            row);
        await act.Db.Execute("UPDATE escrow_enrolments SET parked_in = NULL WHERE tenant_id = @tenant AND parked_in = @under", row);
        return await act.Db.Execute("UPDATE escrow_blobs SET parked_in = NULL WHERE tenant_id = @tenant AND parked_in = @under", row);
    }

    /// <summary>Deletes what was parked, for good.</summary>
    /// <param name="act">The act.</param>
    /// <param name="under">The policy that disabled escrow.</param>
    /// <returns>How many private keys there were.</returns>
    public async Task<int> Truncate(Act act, EscrowPolicyId under)
    {
        var row = new { tenant = act.Tenant.ToString(), under = under.ToString() };
        await act.Db.Execute(
            """
            DELETE FROM escrow_passwords WHERE tenant_id = @tenant AND private_key_id IN
                (SELECT id FROM escrow_blobs WHERE tenant_id = @tenant AND parked_in = @under)
            """,
            row);
        var gone = await act.Db.Execute("DELETE FROM escrow_blobs WHERE tenant_id = @tenant AND parked_in = @under", row);
        await act.Db.Execute("DELETE FROM escrow_enrolments WHERE tenant_id = @tenant AND parked_in = @under", row);
        return gone;
    }

    /// <inheritdoc/>
    public Task<SealedPlace?> SealAgain(Act act, SealedPlace? after, int limit) => SealedRows.SealAgain(act, keys, Sealed, after, limit);

    private static async Task<int> Delete(Act act, string which, AccountId account)
    {
        var row = new { tenant = act.Tenant.ToString(), account = account.ToString() };
        await act.Db.Execute(
            $"DELETE FROM escrow_passwords WHERE tenant_id = @tenant AND private_key_id IN (SELECT id FROM escrow_blobs WHERE tenant_id = @tenant AND {which})",
            row);
        await act.Db.Execute("DELETE FROM credentials WHERE tenant_id = @tenant AND account_id = @account AND kind = 'escrow'", row);
        return await act.Db.Execute($"DELETE FROM escrow_blobs WHERE tenant_id = @tenant AND {which}", row);
    }

    private byte[] Seal(KeyPurpose purpose, TenantId tenant, string table, string row, string armored) =>
        keys.Seal(purpose, tenant, table, row, Encoding.UTF8.GetBytes(armored));

    private string Open(KeyPurpose purpose, TenantId tenant, string table, string row, byte[] envelope) =>
        Encoding.UTF8.GetString(keys.Open(purpose, tenant, table, row, envelope));

    private EscrowPassword Read(TenantId tenant, PasswordRow row) => new(
        Ids.Parse<EscrowPasswordId>(row.Id), Ids.Parse<PrivateKeyId>(row.PrivateKey), Ids.Parse<AccountId>(row.Account),
        Ids.Parse<EscrowKeyId>(row.KeyId), row.Fingerprint, DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt), row.CreatedBy,
        DateTimeOffset.FromUnixTimeMilliseconds(row.ModifiedAt))
    {
        Armored = Open(KeyPurpose.EscrowPassword, tenant, Passwords, row.Id, row.Sealed),
    };

    private sealed record BlobRow(string Id, string Account, string Fingerprint, long CreatedAt, long ModifiedAt, byte[] Sealed);

    private sealed record PasswordRow(
        string Id, string PrivateKey, string Account, string KeyId, string Fingerprint, long CreatedAt, string CreatedBy, long ModifiedAt,
        byte[] Sealed);

    private sealed record CountRow(long Total, long WithMessage);
}
