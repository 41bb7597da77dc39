using System.Text;
using Microsoft.AspNetCore.Http;
using Sparekey.Server.Dialects.Kratos;

namespace Sparekey.Server.Tests.Dialects;

public sealed class KratosSubmissionTests
{
    private const string Form = "application/x-www-form-urlencoded";

    [Theory]
    [InlineData("application/json", "{\"method\":\"password\",\"traits\":{\"name\":{\"first\":\"Ada\"}}}")]
    [InlineData("application/json; charset=utf-8", "{\"method\":\"password\",\"traits\":{\"name\":{\"first\":\"Ada\"}}}")]
    [InlineData(Form, "method=password&traits.name.first=Ada")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"method\"\r\n\r\npassword\r\n--b\r\nContent-Disposition: form-data; name=\"traits.name.first\"\r\n\r\nAda\r\n--b--\r\n")]
    public async Task Says_the_same_in_every_form(string type, string body)
    {
        var (read, error) = await Read(type, body);
        error.ShouldBeNull();
        (read!.Text("method"), read.Value("traits")!.ToJsonString(), read.Has("password")).ShouldBe(("password", "{\"name\":{\"first\":\"Ada\"}}", false));
    }

    [Fact]
    public async Task What_stands_in_the_query_wins()
    {
        var (read, _) = await Read("application/json", "{\"method\":\"a\",\"flow\":\"22222222-2222-4222-8222-222222222222\"}", "?method=b&flow=11111111-1111-4111-8111-111111111111");
        (read!.Text("method"), read.Flow).ShouldBe(("b", "11111111-1111-4111-8111-111111111111"));
        (await Read("application/json", "", "?flow=11111111-1111-4111-8111-111111111111")).Read!.Flow.ShouldNotBeNull();
        (await Read("application/json", "{\"flow\":\"11111111-1111-4111-8111-11111111111\"}")).Read!.Flow.ShouldBeNull();
    }

    [Fact]
    public async Task A_box_that_is_ticked_comes_after_its_default() =>
        (await Read(Form, "traits.news=false&traits.news=true")).Read!.Value("traits")!.ToJsonString().ShouldBe("{\"news\":\"true\"}");

    [Theory]
    [InlineData("application/json", "[]", 400)]
    [InlineData("application/json", "{", 400)]
    [InlineData("application/json", "{\"a\":1}{}", 400)]
    [InlineData("application/json", "{\"a\":1,\"a\":2}", 400)]
    [InlineData("application/json", "{\"a\":\"\\ud800\"}", 400)]
    [InlineData("text/plain", "{}", 415)]
    [InlineData("", "{}", 415)]
    [InlineData(Form, "a..b=1", 400)]
    [InlineData(Form, ".=1", 400)]
    [InlineData(Form, "a.b.c.d.e.f.g.h.i=1", 400)]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nrubbish", 400)]
    [InlineData("multipart/form-data", "x", 400)]
    [InlineData(Form + "; charset=utf-7", "a=1", 400)]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n1\r\n--b--\r\n", 400)]
    public async Task Refuses_what_is_none(string type, string body, int status) => (await Read(type, body)).Error!.Status.ShouldBe(status);

    [Fact]
    public async Task Refuses_what_is_too_large_or_too_much()
    {
        (await Read("application/json", $"{{\"a\":\"{new string('x', Submission.Limit)}\"}}")).Error!.Status.ShouldBe(413);
        (await Read("application/json", $"{{\"a\":\"{new string('x', Submission.Limit)}\"}}", says: false)).Error!.Status.ShouldBe(413);
        (await Read(Form, string.Join('&', Enumerable.Range(0, 300).Select(i => $"a{i}=1")))).Error!.Status.ShouldBe(400);
        (await Read("application/json", new string('[', 100) + new string(']', 100))).Error!.Status.ShouldBe(400);
        (await Read("application/json", string.Concat(Enumerable.Repeat("{\"a\":", 50)) + "1" + new string('}', 50))).Error!.Status.ShouldBe(400);
    }

    private static Task<(Submission? Read, KratosError? Error)> Read(string type, string body, string query = "", bool says = true)
    {
        var (context, bytes) = (new DefaultHttpContext(), Encoding.UTF8.GetBytes(body));
        context.Request.Method = "POST";
        context.Request.ContentType = type;
        context.Request.ContentLength = says ? bytes.Length : null;
        context.Request.Body = new MemoryStream(bytes);
        context.Request.QueryString = new QueryString(query);
        return Submission.Read(context);
    }
}
