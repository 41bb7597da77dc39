using Sparekey.Core;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;
using Sparekey.Server.Dialects.Dfns;
using Sparekey.Server.Hosting;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>
/// What only the operator of the machine does, through the socket in the data directory: keys, copies, tenants, imports. To
/// everybody else these routes do not exist.
/// </summary>
internal static class LocalApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        var local = root.MapGroup("/local").RequireLocalOperator().ExcludeFromDescription();
        local.MapGet("/keys", ListKeys);
        local.MapPost("/keys/rotate", RotateKeys);
        local.MapDelete("/keys/{version:int}", RetireKey);
        local.MapPost("/backup", Backup);
        AccountsApi.MapLocal(local);
        TenantsApi.MapLocal(local);
        DfnsLocal.Map(local);
    }

    private static async Task<IResult> ListKeys(HttpContext context, KeyRing keys, KeysInUse uses)
    {
        var counts = await uses.Count(context.RequestAborted);
        return Answers.Json(new KeyList(
            [.. keys.Versions.Select(v => new KeyView(v, v == keys.ActiveVersion, counts.GetValueOrDefault(v)))]));
    }

    // The file first: if the process dies after that line, the next start uses the new key, and the old one is still in the ring.
    private static async Task<IResult> RotateKeys(HttpContext context, Installation installation, RotateKeys rotate)
    {
        try
        {
            var version = await rotate.Run(context.Caller(), installation.KeyFile, context.RequestAborted);
            await InstallationStore.ProveKeys(installation.Database, installation.Keys, context.RequestAborted);
            return Answers.Json(new KeyView(version, Active: true, InUse: 0), StatusCodes.Status201Created);
        }
        catch (KeyRingException e)
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, e.Message));
        }
    }

    private static async Task<IResult> RetireKey(HttpContext context, Installation installation, RotateKeys rotate, int version)
    {
        try
        {
            await rotate.Retire(
                context.Caller(), installation.KeyFile, version, context.Request.Query["force"] == "true", context.RequestAborted);
            return Results.NoContent();
        }
        catch (KeyRingException e)
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, e.Message));
        }
    }

    private static async Task<IResult> Backup(HttpContext context, Installation installation)
    {
        var body = await StrictBody.Read<BackupBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        if (installation.Database is not SqliteDatabase database)
        {
            return new Problem(new Refusal(
                RefusalCode.InvalidRequest, "PostgreSQL is backed up with its own tools (pg_dump, pg_basebackup); docs/operations.md says how."));
        }

        try
        {
            await database.Backup(body.Value.File, context.RequestAborted);
            return Answers.Json(new BackupBody(body.Value.File), StatusCodes.Status201Created);
        }
        catch (BackupException e)
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, e.Message));
        }
    }

    private sealed record KeyList(IReadOnlyList<KeyView> Keys);

    private sealed record KeyView(int Version, bool Active, long InUse);

    private sealed record BackupBody(string File);
}
