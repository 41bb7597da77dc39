using System.Collections.Concurrent;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Schemas;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Schemas;

/// <summary>A schema under its name.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Schema">The schema.</param>
public sealed record NamedSchema(string Id, IdentitySchema Schema);

/// <summary>
/// The schemas of a tenant's accounts. Whoever sets one decides which trait is the address that recoveries go to, so the caller's ceiling
/// must be the highest role. One that accounts may keep to is replaced and never deleted.
/// </summary>
public sealed class IdentitySchemas
{
    /// <summary>The most schemas of a tenant.</summary>
    public const int Most = 50;

    private const int LongestId = 128;

    private readonly Acts _acts;
    private readonly PolicyStore _policies;
    private readonly ConcurrentDictionary<(TenantId, string, long), IdentitySchema> _read = new();

    internal IdentitySchemas(Acts acts, PolicyStore policies) => (_acts, _policies) = (acts, policies);

    /// <summary>Sets a schema: makes it, or replaces the one of that name.</summary>
    /// <param name="caller">Who; holds <c>tenant:admin</c> and the highest role as ceiling.</param>
    /// <param name="id">Its name; <c>default</c> for the one that counts when none is named.</param>
    /// <param name="document">The document.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The schema; or <see cref="RefusalCode.InvalidRequest"/> with everything that is wrong, <see cref="RefusalCode.PermissionMissing"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Result<NamedSchema>> Set(Caller caller, string id, string document, CancellationToken cancellationToken)
    {
        if (caller.Grant.Demand(Permission.TenantAdmin) is { } missing)
        {
            return missing;
        }

        if (!IsId(id))
        {
            return AccountRules.Invalid([new FieldFault("/id", $"1 to {LongestId} letters, digits and . _ - : of ASCII.")]);
        }

        var schema = IdentitySchema.Parse(document);
        return schema.Refusal is { } refusal
            ? refusal
            : await _acts.Write(caller.Tenant, act => Set(act, caller, new NamedSchema(id, schema.Value)), cancellationToken);
    }

    /// <summary>The schema of a name; null when there is none. There is always a <c>default</c>.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">Its name; null or empty for the default.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<NamedSchema?> Find(TenantId tenant, string? id, CancellationToken cancellationToken)
    {
        var name = string.IsNullOrEmpty(id) ? IdentitySchema.DefaultId : id;
        var row = await _acts.Read(
            db => db.Find<Row>($"SELECT {Row.Columns} FROM identity_schemas WHERE tenant_id = @tenant AND id = @name", new { tenant = tenant.ToString(), name }),
            cancellationToken);
        return row is not null ? Read(tenant, row)
            : name == IdentitySchema.DefaultId ? new NamedSchema(name, IdentitySchema.Default)
            : null;
    }

    /// <summary>All schemas, in the order of their names; the default is among them.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<NamedSchema>> List(TenantId tenant, CancellationToken cancellationToken)
    {
        var rows = await _acts.Read(
            db => db.List<Row>($"SELECT {Row.Columns} FROM identity_schemas WHERE tenant_id = @tenant ORDER BY id", new { tenant = tenant.ToString() }),
            cancellationToken);
        var all = rows.Select(r => Read(tenant, r)).ToList();
        return all.Exists(s => s.Id == IdentitySchema.DefaultId)
            ? all
            : [.. all.Append(new NamedSchema(IdentitySchema.DefaultId, IdentitySchema.Default)).OrderBy(s => s.Id, StringComparer.Ordinal)];
    }

    private async Task<Result<NamedSchema>> Set(Act act, Caller caller, NamedSchema wanted)
    {
        var ranks = await _policies.Ranks(act.Db, act.Tenant);
        if (!ranks.Covers(caller.Grant.Ceiling, ranks.Highest))
        {
            return RefusalCode.AboveCeiling;
        }

        var others = await act.Db.Scalar<long>(
            "SELECT COUNT(*) FROM identity_schemas WHERE tenant_id = @tenant AND id <> @id", new { tenant = act.Tenant.ToString(), id = wanted.Id });
        if (others >= Most)
        {
            return new Refusal(RefusalCode.InvalidRequest, $"A tenant has at most {Most} schemas.");
        }

        await act.Db.Execute(
            """
            INSERT INTO identity_schemas (tenant_id, id, document, created_at, version) VALUES (@tenant, @id, @document, @now, 1)
            ON CONFLICT (tenant_id, id) DO UPDATE SET document = @document, version = identity_schemas.version + 1
            """,
            new { tenant = act.Tenant.ToString(), id = wanted.Id, document = wanted.Schema.Text, now = act.NowMs });
        await act.Record(new LedgerEntry(LedgerEvent.IdentitySchemaSet, caller.Principal)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal) { ["schema"] = wanted.Id, ["correlation_id"] = caller.CorrelationId },
            Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["source"] = caller.Source },
        });
        return wanted;
    }

    // A document was read when it was set; that it is read once more by every process is all that a restart costs.
    private NamedSchema Read(TenantId tenant, Row row)
    {
        if (_read.Count > 10 * Most)
        {
            _read.Clear();
        }

        return new NamedSchema(row.Id, _read.GetOrAdd((tenant, row.Id, row.Version), _ => IdentitySchema.Parse(row.Document).Value));
    }

    private static bool IsId(string id) =>
        id.Length is >= 1 and <= LongestId && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or ':');

    private sealed record Row(string Id, string Document, long Version)
    {
        public const string Columns = "id AS Id, document AS Document, version AS Version";
    }
}
