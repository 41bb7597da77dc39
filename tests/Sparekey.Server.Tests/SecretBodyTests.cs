using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Sparekey.Core;
using Sparekey.Server.Api;
using Sparekey.Server.Http;

namespace Sparekey.Server.Tests;

/// <summary>Bodies that hold secrets, as the completion of an escrow takes them.</summary>
public sealed class SecretBodyTests
{
    [Theory]
    [InlineData("", "invalid_json")]
    [InlineData("[]", "invalid_request")]
    [InlineData("7", "invalid_request")]
    [InlineData("{\"key\":\"a\"", "invalid_json")]
    [InlineData("{\"key\":\"a\"} {}", "invalid_json")]
    [InlineData("{\"key\":\"a\",\"key\":\"b\"}", "invalid_json")]
    [InlineData("{\"key\":7}", "invalid_request")]
    [InlineData("{\"key\":{\"a\":[1,2]},\"passphrase\":\"x\"}", "invalid_json")]
    [InlineData("{\"key\":null}", "invalid_request")]
    [InlineData("{\"passphrase\":\"x\"}", "invalid_request")]
    [InlineData("{\"reviewer_key\":\"x\"}", "invalid_request")]
    [InlineData("{\"key\":\"\"}", "invalid_request")]
    [InlineData("{\"answer\":\"\"}", "invalid_request")]
    [InlineData("{\"answer\":\"a\",\"key\":\"b\"}", "invalid_request")]
    [InlineData("{\"key\":\"a\",\"reviewer_passphrase\":\"b\"}", "invalid_request")]
    [InlineData("{\"Key\":\"a\"}", "invalid_request")]
    [InlineData("{\"key\":\"\\ud800\"}", "invalid_json")]
    [InlineData("{\"key\":\"a\",}", "invalid_json")]
    [InlineData("{\"key\":\"a\\q\"}", "invalid_json")]
    [InlineData("{}", null)]
    [InlineData("{\"request_key\":\"f\"}", null)]
    [InlineData("{\"request_key\":\"f\",\"answer\":\"a\"}", null)]
    [InlineData("{\"key\":\"a\",\"passphrase\":\"\",\"reviewer_key\":\"b\",\"reviewer_passphrase\":\"c\",\"request_key\":\"f\"}", null)]
    public async Task A_body_that_is_not_what_is_asked_for_is_refused_without_a_word_of_it(string body, string? code)
    {
        var read = await SecretBody.Read(Call(Encoding.UTF8.GetBytes(body)), 1000, EscrowCompletionApi.Members);
        if (read.Refusal is { } refusal)
        {
            WireName.Of(refusal.Code).ShouldBe(code);
            $"{refusal.Detail}{string.Join(' ', refusal.Faults.Select(f => f.Detail))}".ShouldNotContain("System.");
            return;
        }

        using var taken = read.Value;
        (EscrowCompletionApi.FaultOf(taken) is null ? null : "invalid_request").ShouldBe(code);
    }

    [Fact]
    public async Task Everything_that_was_received_and_read_is_wiped()
    {
        // In pieces of seven bytes, as a network may deliver it.
        var pieces = Encoding.UTF8.GetBytes("{\"key\":\"line\\n\\u00e9\",\"passphrase\":\"open sesame\"}").Chunk(7).ToList();
        var call = Call([]);
        call.Request.ContentLength = null;
        call.Features.Set<IRequestBodyPipeFeature>(new Pieces(PipeReader.Create(Joined(pieces))));
        var body = (await SecretBody.Read(call, 1000, EscrowCompletionApi.Members)).Value;
        pieces.ShouldAllBe(p => p.All(b => b == 0));
        var (key, passphrase) = (body["key"], body["passphrase"]);
        (Encoding.UTF8.GetString(key.Span), Encoding.UTF8.GetString(passphrase.Span), body.Has("answer"), body.ToString())
            .ShouldBe(("line\n\u00e9", "open sesame", false, "SecretBody"));
        body.Dispose();
        (key.Span.ContainsAnyExcept((byte)0) || passphrase.Span.ContainsAnyExcept((byte)0)).ShouldBeFalse();

        // One that is too large, too.
        pieces = [.. Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { key = new string('k', 1000) })).Chunk(600)];
        call.Features.Set<IRequestBodyPipeFeature>(new Pieces(PipeReader.Create(Joined(pieces))));
        (await SecretBody.Read(call, 1000, EscrowCompletionApi.Members)).Refusal!.Code.ShouldBe(RefusalCode.BodyTooLarge);
        pieces.ShouldAllBe(p => p.All(b => b == 0));
    }

    [Theory]
    [InlineData(1000, true)]
    [InlineData(1001, false)]
    public async Task The_largest_body_fits_whether_it_says_its_length_or_not(int length, bool fits)
    {
        var bytes = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { key = new string('k', length - 10) }));
        bytes.Length.ShouldBe(length);
        foreach (var says in new[] { true, false })
        {
            var call = Call(bytes);
            call.Request.ContentLength = says ? length : null;
            var read = await SecretBody.Read(call, 1000, EscrowCompletionApi.Members);
            (read.Refusal?.Code).ShouldBe(fits ? null : RefusalCode.BodyTooLarge);
        }

        var other = Call(bytes);
        other.Request.ContentType = "text/plain";
        (await SecretBody.Read(other, 1000, EscrowCompletionApi.Members)).Refusal!.Code.ShouldBe(RefusalCode.UnsupportedMediaType);
    }

    private static DefaultHttpContext Call(byte[] body) => new()
    {
        Request = { ContentType = "application/json", ContentLength = body.Length, Body = new MemoryStream(body) },
    };

    private static ReadOnlySequence<byte> Joined(List<byte[]> pieces)
    {
        var first = new Piece(pieces[0], 0);
        var last = pieces.Skip(1).Aggregate(first, (before, next) => before.Then(next));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(byte[] bytes, long index) => (Memory, RunningIndex) = (bytes, index);

        public Piece Then(byte[] bytes)
        {
            var next = new Piece(bytes, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }

    private sealed class Pieces(PipeReader reader) : IRequestBodyPipeFeature
    {
        public PipeReader Reader => reader;
    }
}
