using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>
/// Everything that is needed to answer a request but the keys: what whoever holds them checks before they answer. Nothing in it is secret
/// to somebody who may answer.
/// </summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="RequestKey">The public key of the person's device, armored.</param>
/// <param name="Fingerprint">The fingerprint that people decided on.</param>
/// <param name="Password">The wrapped secret.</param>
/// <param name="Domains">The servers that the escrow may have been made for.</param>
/// <param name="UserId">The person's id on that server.</param>
/// <param name="PersonFingerprint">The fingerprint of the person's own key.</param>
/// <param name="Signers">The keys that may have signed the wrapped secret, armored: the person's, and organisation keys.</param>
/// <param name="ResponderKey">The id of the organisation key that the answer names.</param>
public sealed record EscrowTask(
    RecoveryId Recovery, string RequestKey, string Fingerprint, WrappedSecret Password, IReadOnlyList<string> Domains, Guid UserId,
    string PersonFingerprint, IReadOnlyList<string> Signers, Guid ResponderKey)
{
    /// <summary>
    /// Makes the answer: opens the wrapped secret, checks signer, server, person and key, and encrypts the same text to the request key and
    /// to nothing else, signed by the organisation and the reviewer. Work of milliseconds: never inside an act.
    /// </summary>
    /// <param name="keys">The keys; wiping them is the caller's affair.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// The message, armored; or <c>not_the_active_key</c> for a key that the secret is not encrypted to, or what OpenPGP says of key or
    /// secret, at <c>/key</c>, <c>/reviewer_key</c>, <c>/request_key</c> or <c>/password</c>.
    /// </returns>
    public Result<string> Answer(EscrowKeyMaterial keys, DateTimeOffset now)
    {
        var requestKey = PgpKey.Read(RequestKey);
        if (requestKey.Refusal is { } unreadable)
        {
            return unreadable.Below("/request_key");
        }

        if (requestKey.Value.Fingerprint != Fingerprint)
        {
            return new Refusal(RefusalCode.DigestMismatch, "The request's key is not the one that people decided on.");
        }

        var opened = OpenedOrganisationKey.Open(keys, now);
        if (opened.Refusal is { } locked)
        {
            return locked;
        }

        using var signing = opened.Value;
        var organisation = signing.Organisation;
        if (organisation.Public.Fingerprint != Password.Recipient)
        {
            return EscrowFaults.Refuse(EscrowFault.NotTheActiveKey, "/key");
        }

        var signers = new List<PgpKey>();
        foreach (var armored in Signers)
        {
            if (PgpKey.Read(armored) is { Refusal: null } signer)
            {
                signers.Add(signer.Value);
            }
        }

        var expected = new EscrowExpectation([.. Domains], UserId, PersonFingerprint, signers);
        var secret = EscrowMessages.Open(Password.Data, organisation, expected, now);
        if (secret.Refusal is { } wrong)
        {
            return wrong.Below("/password");
        }

        using var clear = secret.Value;
        return EscrowMessages.Answer(clear, requestKey.Value, organisation, signing.Reviewer, now);
    }
}
