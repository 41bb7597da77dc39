using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Access;

/// <summary>
/// Makes the first access token of an installation: every permission, the highest role, 24 hours. It is written down before it
/// exists: if the process dies in between, the file holds the text of a token that opens nothing and the next start replaces it;
/// written down afterwards, a token that nobody knows would exist and no other would ever be made.
/// </summary>
public sealed class Bootstrap
{
    private readonly Acts _acts;
    private readonly AccessTokenStore _store;
    private readonly ManageTokens _tokens;
    private readonly PolicyStore _policies;

    internal Bootstrap(Acts acts, AccessTokenStore store, ManageTokens tokens, PolicyStore policies)
    {
        _acts = acts;
        _store = store;
        _tokens = tokens;
        _policies = policies;
    }

    /// <summary>Makes the token, if the tenant <c>default</c> never had one.</summary>
    /// <param name="writeDown">
    /// Keeps the text durably, readable by the operator alone; called once, before the token exists, and not at all when there was
    /// one before.
    /// </param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Whether it was made. False after <paramref name="writeDown"/> ran: another process was first, what was kept is worthless.</returns>
    public async Task<bool> Run(Action<SecretText> writeDown, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(writeDown);
        if (await _acts.Read(db => _store.Any(db, TenantId.Default), cancellationToken))
        {
            return false;
        }

        var proof = TokenProof.New();
        writeDown(proof.TextIn(TenantId.Default));
        return await _acts.Write(
            TenantId.Default,
            async act =>
            {
                var ranks = await _policies.Ranks(act.Db, act.Tenant);
                var grant = new Grant(Principal.LocalOperator, PermissionSet.All, ranks.Highest, ExpiresAt: null);
                return await _tokens.Bootstrap(act, new Caller(act.Tenant, "local", "bootstrap", grant), proof);
            },
            cancellationToken);
    }
}
