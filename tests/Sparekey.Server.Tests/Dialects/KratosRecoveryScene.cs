using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sparekey.Engine.Delivery;
using Sparekey.Server.Dialects.Kratos;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>A server with a mail server, for everything that recovers in Kratos's protocol.</summary>
public sealed class KratosRecoveryScene : IAsyncLifetime
{
    private SmtpServer _smtp = null!;
    private int _people;

    internal RunningServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => (_smtp, Server) = await Start(null);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await _smtp.DisposeAsync();
    }

    internal static async Task<(SmtpServer Smtp, RunningServer Server)> Start(KratosOptions? kratos)
    {
        var smtp = await SmtpServer.Start();
        return (smtp, await RunningServer.Start(
            mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = smtp.Port, Tls = MailTls.None }, kratos: kratos));
    }

    /// <summary>Somebody new.</summary>
    internal async Task<(string Id, string Email)> Person(string? role = null)
    {
        var email = $"person{Interlocked.Increment(ref _people)}@example.com";
        return (await Server.Account(email, role: role), email);
    }

    internal Task<Answer> Order(string means, object body, string query = "") => Server.Post($"/admin/recovery/{means}{query}", body, Server.AdminToken);

    /// <summary>A code that an operator asked for, and its flow.</summary>
    internal async Task<(string Flow, string Code)> Code(string id, string type = "browser")
    {
        var made = await Order("code", new { identity_id = id, flow_type = type });
        made.Status.ShouldBe(201, made.Text);
        return (QueryOf(made["recovery_link"])["flow"], made["recovery_code"]);
    }

    internal async Task<(string Flow, string Token)> Link(string id)
    {
        var made = await Order("link", new { identity_id = id });
        made.Status.ShouldBe(200, made.Text);
        var query = QueryOf(made["recovery_link"]);
        return (query["flow"], query["token"]);
    }

    /// <summary>The last mail to an address that says something.</summary>
    internal async Task<string> Mail(string to, string saying, int count = 1)
    {
        for (var left = 200; left > 0; left--)
        {
            Server.Time.Advance(TimeSpan.FromSeconds(1));
            var mails = (await _smtp.Received()).Where(m => m.To.Contains(to) && m.Text.Contains(saying, StringComparison.Ordinal)).ToList();
            if (mails.Count >= count)
            {
                return mails[^1].Text;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"{to}: {saying}");
    }

    internal async Task<string> MailedCode(string to, int count = 1) =>
        Regex.Match(await Mail(to, "Type it where you were asked", count), @"^\s+(?<code>\d{6})$", RegexOptions.Multiline | RegexOptions.NonBacktracking).Groups["code"].Value;

    internal async Task<Uri> MailedLink(string to) =>
        new(Regex.Match(await Mail(to, "/self-service/recovery?flow="), @"https?://\S+token=\S+", RegexOptions.NonBacktracking).Value);

    internal static string Other(string code) => code[0] == '0' ? "1" + code[1..] : "0" + code[1..];

    internal static Dictionary<string, string> QueryOf(string url) =>
        new Uri(url).Query[1..].Split('&').Select(p => p.Split('=')).ToDictionary(p => p[0], p => Uri.UnescapeDataString(p[1]), StringComparer.Ordinal);

    internal static JsonNode? NodeOf(Answer flow, string name) =>
        flow.Json!["ui"]!["nodes"]!.AsArray().FirstOrDefault(n => n!["attributes"]!["name"]!.ToString() == name);

    internal static string CsrfOf(Answer flow) => NodeOf(flow, "csrf_token")!["attributes"]!["value"]!.ToString();

    internal static long[] MessagesOf(Answer flow) => [.. (flow.Json!["ui"]!["messages"]?.AsArray() ?? []).Select(m => m!["id"]!.GetValue<long>())];

    internal async Task<List<string>> Events(string account) =>
        [.. (await Server.Get($"/v1/ledger?account={account}&limit=1000", Server.AdminToken)).Json!["entries"]!.AsArray().Select(e => e!["entry"]!["event"]!.ToString())];
}

/// <summary>A browser, or a script in one, or a programme: keeps cookies and follows nothing.</summary>
internal sealed class RecoveryBrowser(RunningServer server)
{
    public const string Page = "text/html,application/xhtml+xml,*/*;q=0.8";
    public const string Script = "application/json, text/plain, */*";

    public Dictionary<string, string> Cookies { get; } = new(StringComparer.Ordinal);

    public Task<Answer> Get(string url, string accept = Script, params (string Name, string Value)[] headers) => Send("GET", url, null, accept, headers);

    public Task<Answer> Post(string url, object body, string accept = Script, params (string Name, string Value)[] headers) =>
        Send("POST", url, new StringContent(body as string ?? JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"), accept, headers);

    public Task<Answer> Form(string url, params (string Name, string Value)[] fields) =>
        Send("POST", url, new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))), Page, []);

    /// <summary>Begins a flow as a page's script does.</summary>
    public async Task<Answer> Begin(string query = "")
    {
        var flow = await Get("/self-service/recovery/browser" + query);
        flow.Status.ShouldBe(200, flow.Text);
        return flow;
    }

    public async Task<Answer> Send(string method, string url, HttpContent? content, string accept, (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), url) { Content = content };
        if (content is StringContent)
        {
            content.Headers.Remove("Content-Type");
            content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        }

        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (Cookies.Count > 0)
        {
            request.Headers.TryAddWithoutValidation("Cookie", string.Join("; ", Cookies.Select(c => $"{c.Key}={c.Value}")));
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        var answer = await server.Send(request);
        foreach (var cookie in answer.Headers.TryGetValues("Set-Cookie", out var set) ? set : [])
        {
            var pair = cookie.Split(';')[0].Split('=', 2);
            if (pair[1].Length == 0)
            {
                Cookies.Remove(pair[0]);
            }
            else
            {
                Cookies[pair[0]] = pair[1];
            }
        }

        return answer;
    }
}
