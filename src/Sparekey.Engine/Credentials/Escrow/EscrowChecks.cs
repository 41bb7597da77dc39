using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>A password message whose form was checked.</summary>
/// <param name="PrivateKey">The private key that it is for.</param>
/// <param name="Armored">The message.</param>
internal sealed record CheckedPassword(PrivateKeyId PrivateKey, string Armored);

/// <summary>
/// The rules of keys and messages. What costs OpenPGP work needs no database and is done before an act; what needs the database is looked up
/// within it.
/// </summary>
/// <param name="policies">Organisation keys that were.</param>
/// <param name="people">People's keys.</param>
/// <param name="forbidden">Keys that others know of.</param>
/// <param name="options">What is a matter of choice.</param>
internal sealed class EscrowChecks(
    EscrowPolicyStore policies, PersonKeyStore people, IEnumerable<IForbiddenOrganisationKeys> forbidden, EscrowOptions options)
{
    /// <summary>A new organisation key, as far as it can be judged by itself.</summary>
    /// <param name="given">The key.</param>
    /// <param name="now">The time.</param>
    /// <param name="pointer">Where it stands.</param>
    /// <returns>The key with its true fingerprint; or a refusal of OpenPGP.</returns>
    public static Result<(GivenKey Given, PgpKey Key)> NewKey(GivenKey given, DateTimeOffset now, string pointer)
    {
        var read = PgpKeyRules.ReadOrganisationKey(given.Armored, given.Fingerprint, now, pointer);
        return read.Refusal is { } refused ? refused : (given with { Fingerprint = read.Value.Fingerprint }, read.Value);
    }

    /// <summary>Why a new organisation key may not be one because of what is known here; null where it may.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="fingerprint">Its true fingerprint.</param>
    /// <param name="pointer">Where it stands.</param>
    public async Task<Refusal?> FaultOfNewKey(DbSession db, TenantId tenant, string fingerprint, string pointer)
    {
        foreach (var others in forbidden)
        {
            if (await others.FaultOf(db, tenant, fingerprint) is { } fault)
            {
                return EscrowFaults.Refuse(fault, pointer);
            }
        }

        return await people.Find(db, tenant, fingerprint) is not null ? EscrowFaults.Refuse(EscrowFault.KeyIsAPersons, pointer)
            : await policies.FindKey(db, tenant, fingerprint) is { State: not EscrowKeyState.Abandoned } ? EscrowFaults.Refuse(EscrowFault.KeyUsedBefore, pointer)
            : null;
    }

    /// <summary>Why a revoked key is not the one in force with its revocation; null where it is.</summary>
    /// <param name="given">The key with its revocation.</param>
    /// <param name="active">The key in force.</param>
    /// <param name="now">The time.</param>
    /// <param name="pointer">Where it stands.</param>
    public Refusal? FaultOfRevokedKey(GivenKey given, EscrowKey active, DateTimeOffset now, string pointer)
    {
        if (given.Fingerprint is { } claimed && PgpKeyRules.NormalFingerprint(claimed) != active.Fingerprint)
        {
            return EscrowFaults.Refuse(EscrowFault.NotTheActiveKey, $"{pointer}/fingerprint");
        }

        var key = PgpKey.Read(active.Armored);
        return key.Refusal is not null ? throw new InvalidOperationException($"The organisation key {active.Id} cannot be read any more.")
            : PgpRevocation.FaultOf(given.Armored, key.Value, options.AcceptUnhashedRevocationIssuer, now) is { } fault
                ? PgpRefusals.Of(fault, $"{pointer}/armored_key")
                : null;
    }

    /// <summary>Password messages to one organisation key, each naming its private key.</summary>
    /// <param name="given">The messages.</param>
    /// <param name="recipient">The organisation key.</param>
    /// <returns>The messages; or a refusal with the faults of all of them.</returns>
    public static Result<IReadOnlyList<CheckedPassword>> Passwords(IReadOnlyList<GivenPassword> given, PgpKey recipient)
    {
        var faults = new List<FieldFault>();
        var read = new List<CheckedPassword>();
        var seen = new HashSet<PrivateKeyId>();
        for (var i = 0; i < given.Count; i++)
        {
            var at = string.Create(CultureInfo.InvariantCulture, $"{EscrowPolicyIntent.PasswordsAt}/{i}");
            var before = faults.Count;
            PrivateKeyId id = default;
            if (given[i].PrivateKey is null)
            {
                faults.Add(EscrowFaults.At(EscrowFault.Required, $"{at}/private_key_id"));
            }
            else if (!Ids.TryParse(given[i].PrivateKey, out id))
            {
                faults.Add(EscrowFaults.At(EscrowFault.NotAUuid, $"{at}/private_key_id"));
            }
            else if (!seen.Add(id))
            {
                faults.Add(EscrowFaults.At(EscrowFault.DuplicatePassword, $"{at}/private_key_id"));
            }

            faults.AddRange(FaultsOfPassword(given[i], recipient, at));
            if (faults.Count == before)
            {
                read.Add(new CheckedPassword(id, given[i].Armored!));
            }
        }

        return faults.Count == 0 ? read : new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
    }

    /// <summary>What is wrong with one password message, but for the private key that it names.</summary>
    /// <param name="given">The message.</param>
    /// <param name="recipient">The organisation key.</param>
    /// <param name="pointer">Where it stands.</param>
    public static IReadOnlyList<FieldFault> FaultsOfPassword(GivenPassword given, PgpKey recipient, string pointer)
    {
        var faults = new List<FieldFault>();
        if (given.RecipientFingerprint is null)
        {
            faults.Add(EscrowFaults.At(EscrowFault.Required, $"{pointer}/recipient_fingerprint"));
        }
        else if (PgpKeyRules.NormalFingerprint(given.RecipientFingerprint) != recipient.Fingerprint)
        {
            faults.Add(EscrowFaults.At(EscrowFault.WrongRecipientFingerprint, $"{pointer}/recipient_fingerprint"));
        }

        if (given.Armored is null)
        {
            faults.Add(EscrowFaults.At(EscrowFault.Required, $"{pointer}/data"));
        }
        else if (PgpMessageShape.ReadPassword(given.Armored, recipient, $"{pointer}/data").Refusal is { } refused)
        {
            faults.AddRange(refused.Faults);
        }

        return faults;
    }
}
