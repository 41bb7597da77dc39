using System.Diagnostics.CodeAnalysis;

namespace Sparekey.Core;

/// <summary>An id of one kind of thing: a version 4 UUID, written in lower case with hyphens.</summary>
/// <typeparam name="TSelf">The id type itself.</typeparam>
public interface IId<TSelf>
    where TSelf : struct, IId<TSelf>
{
    /// <summary>The UUID behind the id.</summary>
    Guid Value { get; }

    /// <summary>Makes an id of this kind from a UUID.</summary>
    /// <param name="value">The UUID.</param>
    static abstract TSelf From(Guid value);
}

/// <summary>Reads and makes ids.</summary>
public static class Ids
{
    /// <summary>
    /// Makes an id from 16 random bytes. 122 of the 128 bits stay random, so that who holds an id may be told more than
    /// an anonymous caller (a holder of at least 112 bits was given it).
    /// </summary>
    /// <param name="random">16 bytes from a cryptographic generator.</param>
    public static TId FromRandom<TId>(ReadOnlySpan<byte> random)
        where TId : struct, IId<TId>
    {
        Span<byte> bytes = stackalloc byte[16];
        random[..16].CopyTo(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return TId.From(new Guid(bytes, bigEndian: true));
    }

    /// <summary>Reads an id as it is written on the wire. False for every other spelling of a UUID.</summary>
    /// <param name="text">The text, 36 characters.</param>
    /// <param name="id">The id.</param>
    public static bool TryParse<TId>([NotNullWhen(true)] string? text, out TId id)
        where TId : struct, IId<TId>
    {
        // The parser also takes upper case, white space around it and signs within: one thing would have several names.
        Span<char> written = stackalloc char[36];
        if (Guid.TryParseExact(text, "D", out var value) && value.TryFormat(written, out _, "D") && written.SequenceEqual(text))
        {
            id = TId.From(value);
            return true;
        }

        id = default;
        return false;
    }

    /// <summary>Reads an id that the program itself wrote.</summary>
    /// <param name="text">The text, 36 characters.</param>
    public static TId Parse<TId>(string text)
        where TId : struct, IId<TId> => TId.From(Guid.ParseExact(text, "D"));
}

/// <summary>The id of an account: a person.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct AccountId(Guid Value) : IId<AccountId>
{
    /// <inheritdoc/>
    public static AccountId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of an address of an account.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct AddressId(Guid Value) : IId<AddressId>
{
    /// <inheritdoc/>
    public static AddressId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of an application.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct ApplicationId(Guid Value) : IId<ApplicationId>
{
    /// <inheritdoc/>
    public static ApplicationId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a webhook.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct WebhookId(Guid Value) : IId<WebhookId>
{
    /// <inheritdoc/>
    public static WebhookId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a webhook's delivery.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct DeliveryId(Guid Value) : IId<DeliveryId>
{
    /// <inheritdoc/>
    public static DeliveryId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a proposed change of policy.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct PolicyChangeId(Guid Value) : IId<PolicyChangeId>
{
    /// <inheritdoc/>
    public static PolicyChangeId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of an incident.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct IncidentId(Guid Value) : IId<IncidentId>
{
    /// <inheritdoc/>
    public static IncidentId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of the freezing of an account.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct FreezeId(Guid Value) : IId<FreezeId>
{
    /// <inheritdoc/>
    public static FreezeId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a request to lift the freezing of an account.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct LiftId(Guid Value) : IId<LiftId>
{
    /// <inheritdoc/>
    public static LiftId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a recovery.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct RecoveryId(Guid Value) : IId<RecoveryId>
{
    /// <inheritdoc/>
    public static RecoveryId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id under which clients know the request for an escrowed key.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct EscrowRequestId(Guid Value) : IId<EscrowRequestId>
{
    /// <inheritdoc/>
    public static EscrowRequestId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a redemption.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct RedemptionId(Guid Value) : IId<RedemptionId>
{
    /// <inheritdoc/>
    public static RedemptionId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a credential.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct CredentialId(Guid Value) : IId<CredentialId>
{
    /// <inheritdoc/>
    public static CredentialId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a session.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct SessionId(Guid Value) : IId<SessionId>
{
    /// <inheritdoc/>
    public static SessionId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a service account.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct ServiceAccountId(Guid Value) : IId<ServiceAccountId>
{
    /// <inheritdoc/>
    public static ServiceAccountId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of an access token.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct TokenId(Guid Value) : IId<TokenId>
{
    /// <inheritdoc/>
    public static TokenId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a ledger entry.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct EntryId(Guid Value) : IId<EntryId>
{
    /// <inheritdoc/>
    public static EntryId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a message waiting in the outbox.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct MessageId(Guid Value) : IId<MessageId>
{
    /// <inheritdoc/>
    public static MessageId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>
/// The name of a tenant: 1 to 32 lower-case letters, digits and hyphens, beginning with a letter or digit. It stands in
/// the clear in tokens and links, so it names an organisation and nothing secret.
/// </summary>
public readonly record struct TenantId
{
    private readonly string? _value;

    private TenantId(string value) => _value = value;

    /// <summary>The tenant that exists from the first start.</summary>
    public static TenantId Default { get; } = new("default");

    /// <summary>Reads a tenant's name. False when it is not one.</summary>
    /// <param name="text">The name.</param>
    /// <param name="tenant">The tenant.</param>
    public static bool TryParse(string? text, out TenantId tenant)
    {
        tenant = default;
        if (text is not { Length: >= 1 and <= 32 } || text[0] == '-' || text.Any(c => !IsNamePart(c)))
        {
            return false;
        }

        tenant = new TenantId(text);
        return true;
    }

    /// <summary>Reads a name that the program itself wrote.</summary>
    /// <param name="text">The name.</param>
    public static TenantId Parse(string text) =>
        TryParse(text, out var tenant) ? tenant : throw new FormatException("This is not a tenant's name.");

    /// <inheritdoc/>
    public override string ToString() => _value ?? "(none)"; // No tenant's name: a forgotten tenant finds and writes nothing.

    private static bool IsNamePart(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-';
}
