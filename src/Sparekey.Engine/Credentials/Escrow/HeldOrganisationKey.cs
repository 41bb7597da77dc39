using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>The organisation key, and the reviewer's, opened for one piece of work; wiped when disposed.</summary>
/// <param name="organisation">The organisation key.</param>
/// <param name="reviewer">Who signs besides; null for nobody.</param>
public sealed class OpenedOrganisationKey(PgpSecretKey organisation, PgpSecretKey? reviewer) : IDisposable
{
    /// <summary>The organisation key.</summary>
    public PgpSecretKey Organisation => organisation;

    /// <summary>Who signs besides; null for nobody.</summary>
    public PgpSecretKey? Reviewer => reviewer;

    /// <summary>Opens what somebody brought.</summary>
    /// <param name="material">Keys and passphrases.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// The keys, which may sign; or what OpenPGP says of them, at <c>/key</c> or <c>/reviewer_key</c>: who revokes a key and exports its
    /// secret half afterwards has the revocation in there too.
    /// </returns>
    public static Result<OpenedOrganisationKey> Open(EscrowKeyMaterial material, DateTimeOffset now)
    {
        var organisation = Open(material.Key, material.Passphrase, "/key", now);
        if (organisation.Refusal is { } refused)
        {
            return refused;
        }

        if (material.ReviewerKey.IsEmpty)
        {
            return new OpenedOrganisationKey(organisation.Value, null);
        }

        var reviewer = Open(material.ReviewerKey, material.ReviewerPassphrase, "/reviewer_key", now);
        if (reviewer.Refusal is not { } closed)
        {
            return new OpenedOrganisationKey(organisation.Value, reviewer.Value);
        }

        organisation.Value.Dispose();
        return closed;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        organisation.Dispose();
        reviewer?.Dispose();
    }

    private static Result<PgpSecretKey> Open(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> passphrase, string pointer, DateTimeOffset now)
    {
        var opened = PgpSecretKey.Open(key.Span, passphrase.Span);
        if (opened.Refusal is { } closed)
        {
            return closed.Below(pointer);
        }

        if (PgpKeyRules.FaultOfSigner(opened.Value.Public, now) is not { } over)
        {
            return opened;
        }

        opened.Value.Dispose();
        return PgpRefusals.Of(over, pointer);
    }
}

/// <summary>The organisation key where the server holds it.</summary>
/// <param name="sources">Who may hold it.</param>
/// <param name="time">The clock.</param>
internal sealed class HeldOrganisationKey(IEnumerable<IEscrowKeySource> sources, TimeProvider time)
{
    /// <summary>Whether the server holds the key of a tenant.</summary>
    /// <param name="tenant">The tenant.</param>
    public bool IsHeld(TenantId tenant) => Source(tenant) is not null;

    /// <summary>Opens it for one piece of work.</summary>
    /// <param name="tenant">The tenant, whose key is held.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The keys, to be disposed; or why they cannot be had.</returns>
    public async Task<Result<OpenedOrganisationKey>> Open(TenantId tenant, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var read = await Source(tenant)!.Read(tenant, cancellationToken);
        if (read.Refusal is { } refused)
        {
            return refused;
        }

        using var held = read.Value;
        return OpenedOrganisationKey.Open(held.Material, time.GetUtcNow());
    }

    private IEscrowKeySource? Source(TenantId tenant) => sources.FirstOrDefault(s => s.Origin == EscrowOrigin.Local && s.IsHeld(tenant));
}
