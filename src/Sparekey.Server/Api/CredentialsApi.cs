using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Credentials;
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
    };
}
