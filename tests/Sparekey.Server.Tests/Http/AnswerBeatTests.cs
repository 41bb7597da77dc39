using System.Diagnostics;

namespace Sparekey.Server.Tests.Http;

/// <summary>Answers to strangers wait for the beat. How alike they then are is measured in <c>bench/</c>.</summary>
public sealed class AnswerBeatTests
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task A10_No_answer_about_a_name_or_a_secret_leaves_before_the_beat()
    {
        await using var server = await RunningServer.Start(answerBeat: Beat);
        await server.Account("known@example.com");
        var opened = await server.Recover("known@example.com", "code");
        opened.Status.ShouldBe(201);
        foreach (var (path, body) in new (string, object)[]
        {
            ("/v1/recovery-requests", new { identifier = "known@example.com" }),
            ("/v1/recovery-requests", new { identifier = "unknown@example.com" }),
            ("/v1/redemptions", new { code = "00000000", account = new { email = "known@example.com" } }),
            ("/v1/redemptions", new { code = "00000000", account = new { email = "unknown@example.com" } }),
            ("/v1/redemptions", new { link_secret = "no link" }),
            ("/v1/repudiations", new { token = "no token" }),
            ("/v1/repudiations/freeze", new { token = "no token" }),
        })
        {
            await Late(() => server.Post(path, body), $"{path} {body}");
        }

        foreach (var (form, field) in new[] { ("ask", "identifier"), ("redeem", "code"), ("not-me", "notice_token"), ("freeze", "notice_token"), ("stop", "redemption_token") })
        {
            await Late(
                () => server.Send(new HttpRequestMessage(HttpMethod.Post, $"/recover/{form}")
                {
                    Content = new FormUrlEncodedContent([new(field, "unknown")]),
                }),
                form);
        }
    }

    [Fact]
    public async Task What_tells_nothing_does_not_wait()
    {
        await using var server = await RunningServer.Start(answerBeat: TimeSpan.FromMinutes(10));
        (await server.Get("/recover")).Status.ShouldBe(200);
        await server.Account("quick@example.com");
        (await server.Recover("quick@example.com", "link")).Status.ShouldBe(201);
    }

    // A timer may come a moment before its time, as its clock counts.
    private static async Task Late(Func<Task<Answer>> call, string what)
    {
        var began = Stopwatch.GetTimestamp();
        await call();
        Stopwatch.GetElapsedTime(began).ShouldBeGreaterThan(Beat - TimeSpan.FromMilliseconds(20), what);
    }
}
