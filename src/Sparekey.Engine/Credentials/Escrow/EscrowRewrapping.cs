using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>
/// Encrypts escrows anew where the organisation key is: on the server that holds it, or on the machine of whoever does. A message that
/// nobody signed, or somebody unknown, is refused and not passed on: with our signature on it, it would look genuine.
/// </summary>
public sealed class EscrowRewrapping
{
    private readonly PgpSecretKey _old;
    private readonly PgpSecretKey? _reviewer;
    private readonly PgpKey _next;
    private readonly List<PgpKey> _organisation;
    private readonly IReadOnlyList<string> _domains;

    private EscrowRewrapping(PgpSecretKey old, PgpSecretKey? reviewer, PgpKey next, List<PgpKey> organisation, IReadOnlyList<string> domains)
    {
        _old = old;
        _reviewer = reviewer;
        _next = next;
        _organisation = organisation;
        _domains = domains;
    }

    /// <summary>Prepares for a rotation.</summary>
    /// <param name="work">What the rotation is about.</param>
    /// <param name="old">The key in force; the caller wipes it.</param>
    /// <param name="reviewer">Who signs besides; null for nobody.</param>
    /// <param name="now">The time.</param>
    /// <returns>What does it; or a refusal where the key is not the one in force, or one of them signs no more.</returns>
    public static Result<EscrowRewrapping> For(RewrappingWork work, PgpSecretKey old, PgpSecretKey? reviewer, DateTimeOffset now)
    {
        if (old.Public.Fingerprint != work.From)
        {
            return PgpRefusals.Of(PgpFault.FingerprintDiffers);
        }

        if (PgpKeyRules.FaultOfSigner(old.Public, now) is { } over)
        {
            return PgpRefusals.Of(over, "/key");
        }

        if (reviewer is not null && PgpKeyRules.FaultOfSigner(reviewer.Public, now) is { } signsNoMore)
        {
            return PgpRefusals.Of(signsNoMore, "/reviewer_key");
        }

        var next = PgpKey.Read(work.Next);
        if (next.Refusal is { } refused)
        {
            return refused;
        }

        var organisation = new List<PgpKey>();
        foreach (var armored in work.OrganisationKeys)
        {
            var key = PgpKey.Read(armored);
            if (key.Refusal is { } unreadable)
            {
                return unreadable;
            }

            organisation.Add(key.Value);
        }

        return new EscrowRewrapping(old, reviewer, next.Value, organisation, work.Domains);
    }

    /// <summary>Opens one message and makes the one to the next key.</summary>
    /// <param name="message">The message to the key in force.</param>
    /// <param name="account">Whose escrow it is.</param>
    /// <param name="fingerprint">The fingerprint that it must name.</param>
    /// <param name="personKey">That key, armored; null where it is not known.</param>
    /// <param name="now">The time.</param>
    /// <returns>The message; or what is wrong with the one there is.</returns>
    public Result<string> Run(string message, AccountId account, string fingerprint, string? personKey, DateTimeOffset now)
    {
        List<PgpKey> signers = [.. _organisation];
        if (personKey is not null)
        {
            var person = PgpKey.Read(personKey);
            if (person.Refusal is { } unreadable)
            {
                return unreadable;
            }

            signers.Insert(0, person.Value);
        }

        var opened = EscrowMessages.Open(message, _old, new EscrowExpectation(_domains, account.Value, fingerprint, signers), now);
        if (opened.Refusal is { } wrong)
        {
            return wrong;
        }

        using var secret = opened.Value;
        return EscrowMessages.Rewrap(secret, _next, _old, _reviewer, now);
    }
}

/// <summary>What a rotation is about, for whoever does its work.</summary>
/// <param name="From">The fingerprint of the key in force.</param>
/// <param name="Next">The next key, armored.</param>
/// <param name="OrganisationKeys">Every organisation key there was, armored.</param>
/// <param name="Domains">The servers that messages may name.</param>
public sealed record RewrappingWork(string From, string Next, IReadOnlyList<string> OrganisationKeys, IReadOnlyList<string> Domains)
{
    /// <summary>From a part of a rotation.</summary>
    /// <param name="part">The part.</param>
    public static RewrappingWork Of(RotationPart part) =>
        new(part.Rotation.From.Fingerprint, part.Rotation.To.Armored, part.OrganisationKeys, part.Domains);
}
