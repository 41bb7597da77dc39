using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Schemas;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Identities, for programmes.</summary>
internal static class IdentityEndpoints
{
    private const int Tries = 3;

    private static readonly HashSet<string> Patchable =
        new(StringComparer.Ordinal) { "traits", "metadata_public", "metadata_admin", "state", "schema_id", "external_id" };

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The group that they stand in.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapPost("/admin/identities", Create).RequireKratosToken(Permission.AccountWrite);
        group.MapGet("/admin/identities", IdentityList.Answer).RequireKratosToken(Permission.AccountRead);
        group.MapGet("/admin/identities/{id}", Read).RequireKratosToken(Permission.AccountRead);
        group.MapGet("/admin/identities/by/external/{externalId}", ReadExternal).RequireKratosToken(Permission.AccountRead);
        group.MapPut("/admin/identities/{id}", Replace).RequireKratosToken(Permission.AccountWrite);
        group.MapPatch("/admin/identities/{id}", Patch).RequireKratosToken(Permission.AccountWrite);
        group.MapDelete("/admin/identities/{id}", Delete).RequireKratosToken(Permission.AccountWrite);
        group.MapDelete("/admin/identities/{id}/credentials/{type}", DeleteCredentials).RequireKratosToken(Permission.CredentialRevoke);
    }

    /// <summary>Makes an identity. A password that comes with it is provisional: the person changes it within a day.</summary>
    private static async Task<IResult> Create(HttpContext context, CreateAccount create, IdentitySchemas schemas)
    {
        var (body, malformed) = await KratosBody.Read<IdentityBody>(context, takesMore: false, KratosBody.IdentityLimit);
        if (body is null)
        {
            return AsMessage(malformed!);
        }

        if (await schemas.Find(context.Visitor().Tenant, body.SchemaId, context.RequestAborted) is not { } schema)
        {
            return UnknownSchema(body.SchemaId);
        }

        var (wanted, places, error) = IdentityMapping.ToAccount(body, schema);
        if (error is not null)
        {
            return error;
        }

        var made = await create.Run(context.Caller(), wanted!, once: null, context.RequestAborted);
        if (made.Refusal is { } refused)
        {
            return new Problem(Named(refused, places, wanted!.Emails.Count));
        }

        var account = made.Value.Fresh!;
        context.Response.Headers.Location = $"{context.Kratos().Admin}/admin/identities/{account.Id}";
        return await Answer(context, account, StatusCodes.Status201Created);
    }

    private static async Task<IResult> Read(HttpContext context, ReadAccounts read, string id) =>
        await Answer(context, await read.One(context.Caller(), KratosJson.Id<AccountId>(id), context.RequestAborted));

    private static async Task<IResult> ReadExternal(HttpContext context, ReadAccounts read, string externalId) =>
        await Answer(context, await read.CalledElsewhere(context.Caller(), new ExternalId(IdentityJson.Dialect, externalId), context.RequestAborted));

    /// <summary>Makes an identity another. Its credentials stay what they are: they change by recovery alone.</summary>
    private static async Task<IResult> Replace(HttpContext context, ReadAccounts read, ChangeAccount change, IdentitySchemas schemas, string id)
    {
        var (body, malformed) = await KratosBody.Read<IdentityBody>(context, takesMore: false, KratosBody.IdentityLimit);
        if (body is null)
        {
            return AsMessage(malformed!);
        }

        if (body.Credentials is { IsEmpty: false })
        {
            return CredentialsRefused;
        }

        if (body.Traits.ValueKind != JsonValueKind.Object)
        {
            return new KratosError(400, "I[#/traits] This is of type object.");
        }

        return await Change(context, read, change, schemas, id, (_, _) => Task.FromResult<(IdentityBody?, KratosError?)>((body, null)));
    }

    /// <summary>Patches an identity.</summary>
    private static async Task<IResult> Patch(HttpContext context, ReadAccounts read, ChangeAccount change, IdentitySchemas schemas, string id)
    {
        var (steps, malformed) = await KratosBody.Read<IReadOnlyList<PatchBody>>(context, takesMore: true, KratosBody.IdentityLimit);
        if (steps is null)
        {
            return malformed!;
        }

        var paths = steps.Where(s => s.Op != "test").SelectMany(s => s.Op == "move" ? [s.Path, s.From ?? ""] : new[] { s.Path });
        if (paths.FirstOrDefault(p => !Patchable.Contains(JsonPatch.FirstOf(p))) is { } denied)
        {
            return new KratosError(400, $"patch includes denied path: {(denied.Length > 256 ? denied[..256] : denied)}");
        }

        return await Change(context, read, change, schemas, id, async (account, credentials) =>
        {
            var patched = JsonPatch.Apply(
                IdentityMapping.ToPatch(await IdentityJson.Full(context, account, credentials)),
                [.. steps.Select(s => new PatchStep(s.Op, s.Path, Node(s.Value), s.From))]);
            return patched.Refusal is { } wrong ? (null, new KratosError(400, ProblemKinds.SentenceOf(wrong)))
                : IdentityMapping.FromPatch(patched.Value) is { } body ? (body, null)
                : (null, new KratosError(400, "What the patch leaves is no identity."));
        });
    }

    private static async Task<IResult> Delete(HttpContext context, DeleteAccount delete, string id) =>
        await delete.Run(context.Caller(), KratosJson.Id<AccountId>(id), context.RequestAborted) is { } refused ? new Problem(refused) : KratosJson.Nothing;

    /// <summary>
    /// Removes what an identity proves itself with, where policy asks nothing of a recovery that could do the same; refused otherwise.
    /// </summary>
    private static async Task<IResult> DeleteCredentials(HttpContext context, ListCredentials list, RevokeCredential revoke, string id, string type)
    {
        var account = KratosJson.Id<AccountId>(id);
        var all = await list.Run(context.Caller(), account, context.RequestAborted);
        if (all.Refusal is { } unknown)
        {
            return new Problem(unknown);
        }

        var identifier = context.Request.Query["identifier"].ToString();
        var meant = all.Value.Where(c => c.State == CredentialState.Active && IdentityJson.TypeOf(c.Kind) == type
            && (identifier.Length == 0 || c.ExternalId == identifier)).ToList();
        foreach (var credential in meant)
        {
            var revoked = await revoke.Run(context.Caller(), account, credential.Id, context.RequestAborted);
            if (revoked.Refusal is { Code: not RefusalCode.CredentialNotFound } refused)
            {
                return new Problem(refused);
            }
        }

        return meant.Count == 0 ? KratosError.NotFound : KratosJson.Nothing;
    }

    // What somebody else changes meanwhile is read again: what is wanted is said of the identity as it is at the end.
    private static async Task<IResult> Change(
        HttpContext context, ReadAccounts read, ChangeAccount change, IdentitySchemas schemas, string id,
        Func<Account, IReadOnlyList<Credential>, Task<(IdentityBody?, KratosError?)>> wanted)
    {
        for (var left = Tries; ; left--)
        {
            var found = await read.One(context.Caller(), KratosJson.Id<AccountId>(id), context.RequestAborted);
            if (found.Refusal is { } unknown)
            {
                return new Problem(unknown);
            }

            var account = found.Value;
            var (body, wrong) = await wanted(account, []);
            if (body is null)
            {
                return wrong!;
            }

            var former = await IdentityJson.SchemaOf(context, account);
            var name = string.IsNullOrEmpty(body.SchemaId) ? former.Id : body.SchemaId;
            if (await schemas.Find(context.Visitor().Tenant, name, context.RequestAborted) is not { } schema)
            {
                return UnknownSchema(name);
            }

            var (order, error) = IdentityMapping.ToChange(account, former, body, schema);
            if (error is not null)
            {
                return error;
            }

            var changed = await change.Run(context.Caller(), account.Id, order!, context.RequestAborted);
            if (changed.Refusal is not { Code: RefusalCode.VersionConflict } || left == 1)
            {
                return await Answer(context, changed);
            }
        }
    }

    private static async Task<IResult> Answer(HttpContext context, Result<Account> found) =>
        found.Refusal is { } refused ? new Problem(refused) : await Answer(context, found.Value, StatusCodes.Status200OK);

    private static async Task<IResult> Answer(HttpContext context, Account account, int status)
    {
        var credentials = await context.RequestServices.GetRequiredService<ListCredentials>().Run(context.Caller(), account.Id, context.RequestAborted);
        return credentials.Refusal is { } gone
            ? new Problem(gone)
            : KratosJson.Answer(await IdentityJson.Full(context, account, credentials.Value), status);
    }

    private static KratosError CredentialsRefused { get; } = new(
        403, "Credentials of an identity that exists are set by recovery: POST /admin/recovery/code or /admin/recovery/link.");

    private static KratosError UnknownSchema(string? id) => new(400, $"Unable to find the identity schema \"{(id is { Length: > 128 } ? id[..128] : id)}\".");

    // What cannot be decoded is said in the message here, as there.
    private static KratosError AsMessage(KratosError malformed) =>
        malformed.Status == 400 && malformed.Reason is { } reason ? new KratosError(400) { Message = reason } : malformed;

    // The use case knows addresses by kind and number, the caller by where they stand.
    private static Refusal Named(Refusal refusal, IReadOnlyList<string> places, int emails) => refusal with
    {
        Faults =
        [
            .. refusal.Faults.Select(f => f.Pointer.Split('/') is ["", ("emails" or "phones") and var kind, var number]
                && int.TryParse(number, CultureInfo.InvariantCulture, out var index)
                ? f with { Pointer = places[kind == "phones" ? emails + index : index] }
                : f),
        ],
    };

    private static JsonNode? Node(JsonElement value) => value.ValueKind == JsonValueKind.Undefined ? null : JsonSerializer.SerializeToNode(value);
}
