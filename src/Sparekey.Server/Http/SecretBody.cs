using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Sparekey.Core;

namespace Sparekey.Server.Http;

/// <summary>
/// A flat JSON object of strings that holds secrets. Body and values lie in one pinned buffer that is wiped when disposed; no secret in it
/// is ever a string, and no fingerprint for an idempotency key is taken of them. The buffers that the body was received in are wiped too,
/// as far as they reach here: TLS has its own, and so has a body in chunks or over HTTP/2; those keep their bytes until they are used again.
/// </summary>
internal sealed class SecretBody : IDisposable
{
    private readonly byte[] _buffer;
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _values = new(StringComparer.Ordinal);

    private SecretBody(int limit) => _buffer = GC.AllocateUninitializedArray<byte>(2 * (limit + 1), pinned: true);

    /// <summary>Reads a body.</summary>
    /// <param name="context">The request.</param>
    /// <param name="limit">The largest body, in bytes.</param>
    /// <param name="members">The members that it may have; each is a string.</param>
    /// <returns>
    /// The body, to be disposed; or <see cref="RefusalCode.UnsupportedMediaType"/>, <see cref="RefusalCode.BodyTooLarge"/>,
    /// <see cref="RefusalCode.InvalidJson"/>, <see cref="RefusalCode.InvalidRequest"/> with the member that is wrong.
    /// </returns>
    public static async Task<Result<SecretBody>> Read(HttpContext context, int limit, IReadOnlyCollection<string> members)
    {
        if (!StrictBody.IsPlainJson(context.Request))
        {
            return RefusalCode.UnsupportedMediaType;
        }

        var tooLarge = new Refusal(RefusalCode.BodyTooLarge, $"This route takes {limit} bytes at most.");
        if (context.Request.ContentLength > limit)
        {
            return tooLarge;
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = (2L * limit) + (64 * 1024);
        }

        var body = new SecretBody((int)Math.Min(limit, context.Request.ContentLength ?? limit));
        var kept = false;
        try
        {
            var room = body._buffer.Length / 2;
            var length = 0;
            for (var isOver = false; !isOver;)
            {
                var read = await context.Request.BodyReader.ReadAsync(context.RequestAborted);
                var fits = read.Buffer.Length < room - length;
                if (fits)
                {
                    read.Buffer.CopyTo(body._buffer.AsSpan(length));
                    length += (int)read.Buffer.Length;
                }

                Wipe(read.Buffer);
                context.Request.BodyReader.AdvanceTo(read.Buffer.End);
                if (!fits)
                {
                    return tooLarge;
                }

                isOver = read.IsCompleted;
            }

            if (body.Parse(length, members) is { } refusal)
            {
                return refusal;
            }

            kept = true;
            return body;
        }
        finally
        {
            if (!kept)
            {
                body.Dispose();
            }
        }
    }

    /// <summary>A member; empty when it is missing.</summary>
    /// <param name="name">Its name.</param>
    public ReadOnlyMemory<byte> this[string name] => _values.GetValueOrDefault(name);

    /// <summary>Whether a member is there, even if it is empty.</summary>
    /// <param name="name">Its name.</param>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>A member that is no secret.</summary>
    /// <param name="name">Its name.</param>
    public string Text(string name) => Encoding.UTF8.GetString(this[name].Span);

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_buffer);

    /// <summary>Shows nothing.</summary>
    public override string ToString() => nameof(SecretBody);

    // Received bytes are nobody's but the reader's until it gives the buffer back.
    private static void Wipe(ReadOnlySequence<byte> received)
    {
        foreach (var piece in received)
        {
            CryptographicOperations.ZeroMemory(MemoryMarshal.AsMemory(piece).Span);
        }
    }

    // The values are unescaped into the second half of the buffer.
    [SuppressMessage("Design", "CA1031", Justification = "The parser's own words could hold part of a secret.")]
    private Refusal? Parse(int length, IReadOnlyCollection<string> members)
    {
        try
        {
            var reader = new Utf8JsonReader(_buffer.AsSpan(0, length), new JsonReaderOptions { MaxDepth = 2 });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                return reader.Read() ? RefusalCode.InvalidJson : Wrong("", "This is a JSON object.");
            }

            var (free, faults) = (_buffer.Length / 2, new List<FieldFault>());
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = NameOf(ref reader, members);
                if (name is not null && _values.ContainsKey(name))
                {
                    return RefusalCode.InvalidJson;
                }

                reader.Read();
                if (name is null)
                {
                    reader.Skip();
                    faults.Add(new FieldFault("", "There is a member that this route does not take."));
                }
                else if (reader.TokenType != JsonTokenType.String)
                {
                    reader.Skip();
                    _values[name] = default;
                    faults.Add(new FieldFault("/" + name, "This is a string."));
                }
                else
                {
                    var written = reader.CopyString(_buffer.AsSpan(free));
                    _values[name] = _buffer.AsMemory(free, written);
                    free += written;
                }
            }

            // What comes after the object is looked at too.
            return reader.Read() ? RefusalCode.InvalidJson
                : faults.Count > 0 ? new Refusal(RefusalCode.InvalidRequest) { Faults = faults }
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return RefusalCode.InvalidJson;
        }
    }

    private static string? NameOf(ref Utf8JsonReader reader, IReadOnlyCollection<string> members)
    {
        foreach (var member in members)
        {
            if (reader.ValueTextEquals(member))
            {
                return member;
            }
        }

        return null;
    }

    private static Refusal Wrong(string pointer, string detail) =>
        new(RefusalCode.InvalidRequest) { Faults = [new FieldFault(pointer, detail)] };
}
