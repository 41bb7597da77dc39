using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>What came back to a browser or a page's script.</summary>
internal sealed record BrowserAnswer(int Status, string? Location, string Text, HttpResponseMessage Message)
{
    public JsonNode Json => JsonNode.Parse(Text)!;

    public string ErrorId => Message.Headers.TryGetValues("Ory-Error-Id", out var ids) ? ids.Single() : "";
}

/// <summary>A browser: it keeps cookies and follows no redirect by itself.</summary>
internal sealed partial class KratosBrowser : IDisposable
{
    private readonly HttpClient _http;

    // Not the framework's container: it would forget by this machine's clock, and not by the server's.
    private readonly Dictionary<string, string> _cookies = new(StringComparer.Ordinal);

    public KratosBrowser(Uri origin) =>
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = origin };

    /// <summary>Whether it asks as a page's script does.</summary>
    public bool IsScript { get; init; }

    public void SignIn(string token) => _cookies["ory_kratos_session"] = token;

    public void Forget(string cookie)
    {
        foreach (var known in _cookies.Keys.Where(c => c.StartsWith(cookie, StringComparison.Ordinal)).ToList())
        {
            _cookies.Remove(known);
        }
    }

    public Task<BrowserAnswer> Get(string url) => Send(new HttpRequestMessage(HttpMethod.Get, url));

    public Task<BrowserAnswer> Post(string url, object body, Action<HttpRequestMessage>? change = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Content = body is Dictionary<string, string> form
                ? new FormUrlEncodedContent(form)
                : new StringContent(body as string ?? System.Text.Json.JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"),
        };
        change?.Invoke(request);
        return Send(request);
    }

    /// <summary>Begins a settings flow as a page's script does.</summary>
    public async Task<JsonNode> Begin(string query = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/self-service/settings/browser" + query);
        request.Headers.Add("Accept", "application/json");
        var begun = await Send(request);
        begun.Status.ShouldBe(200, begun.Text);
        return begun.Json;
    }

    /// <summary>Submits something to a flow with its token.</summary>
    public Task<BrowserAnswer> Submit(JsonNode flow, Dictionary<string, string> fields, Action<HttpRequestMessage>? change = null)
    {
        var all = new Dictionary<string, string>(fields, StringComparer.Ordinal) { ["csrf_token"] = CsrfOf(flow) };
        return Post(flow["ui"]!["action"]!.ToString(), IsScript ? System.Text.Json.JsonSerializer.Serialize(all) : all, change);
    }

    public static string CsrfOf(JsonNode flow) => ValueOf(flow, "csrf_token");

    public static string ValueOf(JsonNode flow, string node) => Node(flow, node)["attributes"]!["value"]!.ToString();

    public static JsonNode Node(JsonNode flow, string name) =>
        flow["ui"]!["nodes"]!.AsArray().Single(n => n!["attributes"]!["name"]?.ToString() == name)!;

    public static IEnumerable<string> Names(JsonNode flow) =>
        flow["ui"]!["nodes"]!.AsArray().Select(n => $"{n!["group"]}/{n["attributes"]!["name"] ?? n["attributes"]!["id"]}");

    public static IEnumerable<int> Messages(JsonNode flow) => flow["ui"]!["messages"]?.AsArray().Select(m => (int)m!["id"]!) ?? [];

    /// <summary>The fields of a form of a page, by the button that sends it.</summary>
    public static (string Action, Dictionary<string, string> Fields) Form(string page, string button)
    {
        var form = Forms().Matches(page).Select(m => m.Value).Single(f => f.Contains(button, StringComparison.Ordinal));
        return (WebUtility.HtmlDecode(Action().Match(form).Groups["to"].Value), Hidden().Matches(form).ToDictionary(
            m => m.Groups["name"].Value, m => WebUtility.HtmlDecode(m.Groups["value"].Value), StringComparer.Ordinal));
    }

    public void Dispose() => _http.Dispose();

    private async Task<BrowserAnswer> Send(HttpRequestMessage request)
    {
        if (!request.Headers.Contains("Accept"))
        {
            request.Headers.Add("Accept", IsScript ? "application/json" : "text/html,application/xhtml+xml,*/*;q=0.8");
        }

        if (_cookies.Count > 0)
        {
            request.Headers.Add("Cookie", string.Join("; ", _cookies.Select(c => $"{c.Key}={c.Value}")));
        }

        var answer = await _http.SendAsync(request);
        foreach (var set in answer.Headers.TryGetValues("Set-Cookie", out var all) ? all : [])
        {
            var pair = set.Split(';')[0];
            var (name, value) = (pair[..pair.IndexOf('=', StringComparison.Ordinal)], pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..]);
            if (value.Length == 0)
            {
                _cookies.Remove(name);
            }
            else
            {
                _cookies[name] = value;
            }
        }

        return new BrowserAnswer((int)answer.StatusCode, answer.Headers.Location?.OriginalString, await answer.Content.ReadAsStringAsync(), answer);
    }

    [GeneratedRegex("<form.*?</form>", RegexOptions.Singleline | RegexOptions.NonBacktracking)]
    private static partial Regex Forms();

    [GeneratedRegex("action=\"(?<to>[^\"]*)\"", RegexOptions.NonBacktracking)]
    private static partial Regex Action();

    [GeneratedRegex("<input type=\"hidden\" name=\"(?<name>[^\"]*)\" value=\"(?<value>[^\"]*)\"", RegexOptions.NonBacktracking)]
    private static partial Regex Hidden();
}
