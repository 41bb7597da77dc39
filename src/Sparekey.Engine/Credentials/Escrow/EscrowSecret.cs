using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>
/// What an escrow's password message holds: whose key on which server, and the secret that opens the blob. In pinned memory, wiped when
/// disposed; nothing of it shows in <see cref="ToString"/>.
/// </summary>
public sealed class EscrowSecret : IDisposable
{
    /// <summary>The secret's length: 512 bits as hex digits.</summary>
    public const int SecretLength = 128;

    private const string Type = "account-recovery-private-key-password-decrypted-data";
    private const string FormatVersion = "v1";
    private const int MostJson = 8 * 1024;
    private const int MostDomain = 1024;

    // In the order of writing.
    private static readonly string[] Members =
        ["type", "version", "domain", "private_key_user_id", "private_key_fingerprint", "private_key_secret", "created"];

    private readonly PinnedBytes _secret;
    private readonly string _userId;

    private EscrowSecret(PinnedBytes secret, string domain, string userId, string fingerprint, string created)
    {
        _secret = secret;
        _userId = userId;
        Domain = domain;
        UserId = Guid.ParseExact(userId, "D");
        Fingerprint = fingerprint;
        Created = created;
    }

    /// <summary>The server it was made for, as it was written.</summary>
    public string Domain { get; }

    /// <summary>Whose it is.</summary>
    public Guid UserId { get; }

    /// <summary>The fingerprint of the person's key: 40 upper-case hex digits.</summary>
    public string Fingerprint { get; }

    /// <summary>When it was made, as it was written.</summary>
    public string Created { get; }

    /// <summary>The secret: 128 characters, the blob's password as it is.</summary>
    public ReadOnlySpan<byte> Secret => _secret.Span;

    /// <summary>A new secret of 512 random bits.</summary>
    /// <param name="domain">The server: scheme and host, no slash at the end.</param>
    /// <param name="userId">Whose it is.</param>
    /// <param name="fingerprint">The fingerprint of the person's key.</param>
    /// <param name="now">The time.</param>
    public static EscrowSecret New(string domain, Guid userId, string fingerprint, DateTimeOffset now)
    {
        using var random = new PinnedBytes(SecretLength / 2);
        RandomNumberGenerator.Fill(random.Span);
        var secret = new PinnedBytes(SecretLength);
        Convert.TryToHexStringLower(random.Span, secret.Span, out _);
        return new EscrowSecret(
            secret, domain, userId.ToString("D"), fingerprint, now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
    }

    /// <summary>Reads the JSON: exactly its seven members, each once, in any order.</summary>
    /// <param name="json">UTF-8, 8 KiB at most.</param>
    /// <returns>The secret, or <see cref="PgpFault.NotAnEscrow"/>.</returns>
    public static Result<EscrowSecret> Read(ReadOnlySpan<byte> json)
    {
        if (json.Length > MostJson)
        {
            return PgpRefusals.Of(PgpFault.NotAnEscrow);
        }

        var values = new string?[Members.Length];
        PinnedBytes? secret = null;
        try
        {
            if (Parse(json, values, ref secret) && FaultOf(values) is null && secret is not null)
            {
                var read = new EscrowSecret(secret, values[2]!, values[3]!, values[4]!, values[6]!);
                secret = null;
                return read;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, or a text in it that is no Unicode. The reader's own message could quote what is inside: it goes nowhere.
        }
        finally
        {
            secret?.Dispose();
        }

        return PgpRefusals.Of(PgpFault.NotAnEscrow);
    }

    /// <summary>Writes the JSON: the same members with the same values in the fixed order.</summary>
    public PinnedBytes Write()
    {
        using var buffer = new PinnedWriter(MostJson * 2);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString(Members[0], Type);
            writer.WriteString(Members[1], FormatVersion);
            writer.WriteString(Members[2], Domain);
            writer.WriteString(Members[3], _userId);
            writer.WriteString(Members[4], Fingerprint);
            writer.WriteString(Members[5], Secret);
            writer.WriteString(Members[6], Created);
            writer.WriteEndObject();
        }

        return new PinnedBytes(buffer.Written);
    }

    /// <inheritdoc/>
    public void Dispose() => _secret.Dispose();

    /// <summary>Shows nothing.</summary>
    public override string ToString() => nameof(EscrowSecret);

    // The secret goes straight from the JSON into pinned memory; the rest is no secret.
    private static bool Parse(ReadOnlySpan<byte> json, string?[] values, ref PinnedBytes? secret)
    {
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = -1;
            for (var i = 0; i < Members.Length; i++)
            {
                member = reader.ValueTextEquals(Members[i]) ? i : member;
            }

            if (member < 0 || !reader.Read() || reader.TokenType != JsonTokenType.String || values[member] is not null)
            {
                return false;
            }

            values[member] = member == 5 ? "" : reader.GetString();
            if (member == 5 && !ReadSecret(ref reader, ref secret))
            {
                return false;
            }
        }

        return reader.TokenType == JsonTokenType.EndObject && !reader.Read();
    }

    private static bool ReadSecret(ref Utf8JsonReader reader, ref PinnedBytes? secret)
    {
        // Written without escapes, as letters and digits are; a value of another length is none.
        if (reader.ValueIsEscaped || reader.ValueSpan.Length != SecretLength || reader.ValueSpan.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E))
        {
            return false;
        }

        secret = new PinnedBytes(reader.ValueSpan);
        return true;
    }

    private static string? FaultOf(string?[] values)
    {
        if (values.Contains(null) || values[0] != Type || values[1] != FormatVersion)
        {
            return "schema";
        }

        if (values[2] is { Length: 0 or > MostDomain } || !Guid.TryParseExact(values[3], "D", out _))
        {
            return "domain or user";
        }

        return PgpKeyRules.NormalFingerprint(values[4]) == values[4]
            && DateTimeOffset.TryParse(values[6], CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out _)
            ? null
            : "fingerprint or time";
    }

    // A buffer that never grows, so that nothing is left behind in one that was too small.
    private sealed class PinnedWriter(int most) : IBufferWriter<byte>, IDisposable
    {
        private readonly byte[] _memory = GC.AllocateArray<byte>(most, pinned: true);
        private int _length;

        public ReadOnlySpan<byte> Written => _memory.AsSpan(0, _length);

        public void Advance(int count) => _length += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => _memory.AsMemory(_length);

        public Span<byte> GetSpan(int sizeHint = 0) => _memory.AsSpan(_length);

        public void Dispose() => CryptographicOperations.ZeroMemory(_memory);
    }
}
