using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>What accounts prove themselves with.</summary>
internal static class CredentialsApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/accounts/{id}/credentials").WithTags("credentials");
        group.MapGet("/", List).RequirePermission(Permission.AccountRead)
            .WithSummary("What an account proves itself with, without what verifies it.");
        group.MapDelete("/{credentialId}", Revoke).RequirePermission(Permission.CredentialRevoke)
            .WithSummary("Removes a credential where policy demands nothing of a recovery of means force.");
        group.MapPatch("/{credentialId}", Rename).Takes<NameBody>().RequirePermission(Permission.AccountWrite)
            .WithSummary("Calls a credential something else.");

        var own = v1.MapGroup("/sessions/current").WithTags("credentials");
        own.MapGet("/credentials", ListOwn).RequireSession().WithSummary("What the person proves themselves with.");
        own.MapPatch("/credentials/{credentialId}", RenameOwn).Takes<NameBody>().RequireSession()
            .WithSummary("Calls a credential of one's own something else.");
        own.MapDelete("/credentials/{credentialId}", RevokeOwn).RequireSession()
            .WithSummary("Removes a credential of one's own, within 15 minutes of signing in; never the last one that signs in.");
        own.MapGet("/recovery-codes", ReadCodes).RequireSession().WithSummary("How many saved recovery codes the person has left.");
        own.MapPost("/recovery-codes", MakeCodes).TakesNothing().RequireSession()
            .WithSummary("Makes new recovery codes in place of all there were, within 15 minutes of signing in; they are shown once.");
        own.MapPost("/passkeys/options", PasskeyOptions).TakesNothing().RequireSession()
            .WithSummary("What the browser is to make, for navigator.credentials.create(); within 15 minutes of signing in.");
        own.MapPost("/passkeys", AddPasskey).Takes<PasskeyBody>().RequireSession()
            .WithSummary("Adds a passkey, within 15 minutes of signing in; every address is told.");
    }

    /// <summary>An account's credentials, oldest first; nothing that verifies one. Refused: <c>account_not_found</c>.</summary>
    private static async Task<IResult> List(HttpContext context, ListCredentials list, CancellationToken cancellationToken) =>
        context.RouteId<AccountId>("id") is { } account
            ? (await list.Run(context.Caller(), account, cancellationToken)).ToAnswer(all => new { Items = all.Select(View) })
            : new Problem(RefusalCode.AccountNotFound);

    /// <summary>
    /// Removes a credential. Refused: <c>account_not_found</c>, <c>credential_not_found</c>, <c>own_account</c>,
    /// <c>above_ceiling</c>, <c>policy_refuses</c> where policy demands anything of a recovery of means force.
    /// </summary>
    private static async Task<IResult> Revoke(HttpContext context, RevokeCredential revoke, CancellationToken cancellationToken)
    {
        if (context.RouteId<AccountId>("id") is not { } account)
        {
            return new Problem(RefusalCode.AccountNotFound);
        }

        return context.RouteId<CredentialId>("credentialId") is { } credential
            ? (await revoke.Run(context.Caller(), account, credential, cancellationToken)).Refusal.ToAnswer()
            : new Problem(RefusalCode.CredentialNotFound);
    }

    /// <summary>
    /// Renames a credential. Refused: <c>account_not_found</c>, <c>credential_not_found</c>, <c>own_account</c>, <c>above_ceiling</c>,
    /// <c>invalid_request</c>.
    /// </summary>
    private static async Task<IResult> Rename(HttpContext context, RenameCredential rename, CancellationToken cancellationToken)
    {
        var body = await StrictBody.Read<NameBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        return context.RouteId<AccountId>("id") is not { } account ? new Problem(RefusalCode.AccountNotFound)
            : context.RouteId<CredentialId>("credentialId") is { } credential
            ? (await rename.Run(context.Caller(), account, credential, body.Value.Name, cancellationToken)).ToAnswer(View)
            : new Problem(RefusalCode.CredentialNotFound);
    }

    /// <summary>The person's own credentials, oldest first; nothing that verifies one.</summary>
    private static async Task<IResult> ListOwn(HttpContext context, ListCredentials list, CancellationToken cancellationToken) =>
        Answers.Json(new { Items = (await list.Run(context.SessionCaller(), cancellationToken)).Select(View) });

    /// <summary>Renames one's own. Refused: <c>credential_not_found</c>, <c>invalid_request</c>.</summary>
    private static async Task<IResult> RenameOwn(HttpContext context, RenameCredential rename, CancellationToken cancellationToken)
    {
        var body = await StrictBody.Read<NameBody>(context);
        return body.Refusal is { } refusal ? new Problem(refusal)
            : context.RouteId<CredentialId>("credentialId") is { } credential
            ? (await rename.Run(context.SessionCaller(), credential, body.Value.Name, cancellationToken)).ToAnswer(View)
            : new Problem(RefusalCode.CredentialNotFound);
    }

    /// <summary>
    /// Removes one's own. Refused: <c>credential_not_found</c>, <c>fresh_sign_in_required</c>, <c>last_credential</c>,
    /// <c>policy_refuses</c>.
    /// </summary>
    private static async Task<IResult> RevokeOwn(HttpContext context, RevokeOwnCredential revoke, CancellationToken cancellationToken) =>
        context.RouteId<CredentialId>("credentialId") is { } credential
            ? (await revoke.Run(context.SessionCaller(), credential, cancellationToken)).Refusal.ToAnswer()
            : new Problem(RefusalCode.CredentialNotFound);

    /// <summary>Options for a further passkey. Refused: <c>fresh_sign_in_required</c>, <c>means_not_available</c>.</summary>
    private static async Task<IResult> PasskeyOptions(HttpContext context, AddPasskey add, CancellationToken cancellationToken) =>
        (await add.Begin(context.SessionCaller(), cancellationToken)).ToAnswer(PasskeyJson.Options);

    /// <summary>
    /// Adds a passkey. Refused: <c>passkey_refused</c>, <c>fresh_sign_in_required</c>, <c>means_not_available</c>, <c>invalid_request</c>.
    /// </summary>
    private static async Task<IResult> AddPasskey(HttpContext context, AddPasskey add, CancellationToken cancellationToken)
    {
        var body = await StrictBody.Read<PasskeyBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var made = PasskeyJson.ReadNew(body.Value.Credential);
        return made.Refusal is { } malformed
            ? new Problem(malformed)
            : (await add.Run(context.SessionCaller(), made.Value, body.Value.Name, cancellationToken)).ToAnswer(
                added => new { Credential = View(added.Credential), Signal = PasskeyJson.Signal(added.Signal) },
                StatusCodes.Status201Created);
    }

    /// <summary>How many are left. There is no code in it.</summary>
    private static async Task<IResult> ReadCodes(HttpContext context, ReadRecoveryCodes read, CancellationToken cancellationToken)
    {
        var status = await read.Run(context.SessionCaller(), cancellationToken);
        return Answers.Json(new { status.Id, CodesLeft = status.Left, CreatedAt = status.MadeAt, status.LastUsedAt });
    }

    /// <summary>Makes new ones. Refused: <c>fresh_sign_in_required</c>, <c>session_invalid</c>.</summary>
    private static async Task<IResult> MakeCodes(HttpContext context, MakeRecoveryCodes make, CancellationToken cancellationToken) =>
        (await make.Run(context.SessionCaller(), cancellationToken)).ToAnswer(
            made => new
            {
                made.Credential.Id,
                made.Credential.CreatedAt,
                CodesLeft = made.Codes.Count,
                Codes = made.Codes.Select(c => c.Reveal()).ToList(),
            },
            StatusCodes.Status201Created);

    private static object View(Credential credential) => new
    {
        credential.Id,
        credential.Kind,
        credential.Name,
        credential.CreatedAt,
        credential.LastUsedAt,
        credential.ProvisionalUntil,
        RecoveryId = credential.Recovery,
        credential.ExternalId,
        credential.CodesLeft,
    };

    private sealed record NameBody(string Name);

    private sealed record PasskeyBody(System.Text.Json.JsonElement Credential, string? Name = null);
}
