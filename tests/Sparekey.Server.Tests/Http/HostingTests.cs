using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Http;

/// <summary>Settings that say something impossible stop the start; those that are right do what they say.</summary>
public sealed class HostingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("{", "sparekey.json")]
    [InlineData("[]", "sparekey.json")]
    [InlineData("""{"origin":"recover.example.com"}""", "SPAREKEY_ORIGIN")]
    [InlineData("""{"origin":"ftp://recover.example.com"}""", "SPAREKEY_ORIGIN")]
    [InlineData("""{"origin":"https://recover.example.com/path"}""", "SPAREKEY_ORIGIN")]
    [InlineData("""{"origin":"https://user@recover.example.com"}""", "SPAREKEY_ORIGIN")]
    [InlineData("""{"origin":"https://recover.example.com#x"}""", "SPAREKEY_ORIGIN")]
    [InlineData("""{"limits":{"calls_per_minute":-1}}""", "SPAREKEY_LIMITS__CALLS_PER_MINUTE")]
    [InlineData("""{"limits":{"answer_beat":1001}}""", "SPAREKEY_LIMITS__ANSWER_BEAT")]
    [InlineData("""{"limits":{"calls_per_minute":"many"}}""", "SPAREKEY_LIMITS__CALLS_PER_MINUTE")]
    [InlineData("""{"password":{"min_length":4}}""", "SPAREKEY_PASSWORD__MIN_LENGTH")]
    [InlineData("""{"proxies":"proxy.example.com"}""", "SPAREKEY_PROXIES")]
    [InlineData("""{"proxies":"10.0.0.0/33"}""", "SPAREKEY_PROXIES")]
    [InlineData("""{"tls":{"certificate":"/nowhere.pem","key":"/nowhere.key"}}""", "SPAREKEY_TLS__CERTIFICATE")]
    [InlineData("""{"tls":{"certificate":"/nowhere.pem"}}""", "SPAREKEY_TLS__KEY")]
    public void An_impossible_setting_is_named(string settings, string named)
    {
        File.WriteAllText(Path.Combine(_folder, "sparekey.json"), settings);
        Should.Throw<SettingsException>(() => ServerOptions.Read(_folder, [])).Message.ShouldContain(named);
    }

    [Theory]
    [InlineData("127.0.0.1:4800")]
    [InlineData("http://recover.example.com:4800")]
    [InlineData("http://127.0.0.1:4800/path")]
    [InlineData("http://127.0.0.1:99999")]
    [InlineData("unix:/tmp/socket")]
    [InlineData("https://127.0.0.1:4800")]
    [InlineData("")]
    public void An_impossible_address_is_named(string url) =>
        Should.Throw<SettingsException>(() => ServerOptions.Read(_folder, [url])).Message.ShouldContain("--urls");

    [Fact]
    public void Settings_are_read_from_the_file()
    {
        File.WriteAllText(
            Path.Combine(_folder, "sparekey.json"),
            """{"origin":"https://recover.example.com","limits":{"calls_per_minute":7},"proxies":"10.0.0.1, 192.168.0.0/16"}""");
        var options = ServerOptions.Read(_folder, ["http://127.0.0.1:4800", "http://[::1]:4800", "http://localhost:4801", "http://*:4802"]);
        options.Origin.ShouldBe(new Uri("https://recover.example.com"));
        options.CallsPerMinute.ShouldBe(7);
        options.Proxies.ShouldBe([IPNetwork.Parse("10.0.0.1/32"), IPNetwork.Parse("192.168.0.0/16")]);
    }

    [Theory]
    [InlineData(true, "198.51.100.7", "198.51.100.7")]
    [InlineData(true, "203.0.113.9, 198.51.100.7", "198.51.100.7")]
    [InlineData(true, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    [InlineData(true, "nonsense", "127.0.0.1")]
    [InlineData(true, null, "127.0.0.1")]
    [InlineData(false, "198.51.100.7", "127.0.0.1")]
    public async Task Only_a_known_proxy_says_where_a_call_came_from(bool known, string? forwarded, string source)
    {
        await using var server = await Start($"http://127.0.0.1:{FreePort.Next()}", o => known ? o with { Proxies = [IPNetwork.Parse("127.0.0.0/8")] } : o);
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, server.App.Urls.First(u => u.StartsWith("http://127", StringComparison.Ordinal)) + "/test/source");
        if (forwarded is not null)
        {
            request.Headers.TryAddWithoutValidation("X-Forwarded-For", forwarded);
        }

        using var response = await http.SendAsync(request);
        (await response.Content.ReadAsStringAsync()).ShouldBe(source);
    }

    [Fact]
    public async Task Serves_https_with_the_given_certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(
            new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var (certificateFile, keyFile) = (Path.Combine(_folder, "c.pem"), Path.Combine(_folder, "k.pem"));
        await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());
        var url = $"https://127.0.0.1:{FreePort.Next()}";
        await using var server = await Start(url, o => o with { Certificate = ServerCertificate.Load(certificateFile, keyFile) });
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(certificate);
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = trust } });
        (await http.GetAsync($"{url}/healthz")).StatusCode.ShouldBe(HttpStatusCode.OK);
        using var wary = new HttpClient();
        await Should.ThrowAsync<HttpRequestException>(() => wary.GetAsync($"{url}/healthz"));
    }

    [Fact]
    public async Task The_socket_is_its_owners_alone_and_goes_with_the_server()
    {
        var server = await Start($"http://127.0.0.1:{FreePort.Next()}");
        var socket = server.Installation.Files.SocketFile;
        File.GetUnixFileMode(socket).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await server.DisposeAsync();
        File.Exists(socket).ShouldBeFalse();
    }

    [Fact]
    public async Task A_taken_port_stops_the_start_and_leaves_the_directory_free()
    {
        var url = $"http://127.0.0.1:{FreePort.Next()}";
        using var taken = new System.Net.Sockets.TcpListener(IPAddress.Loopback, new Uri(url).Port);
        taken.Start();
        await Should.ThrowAsync<IOException>(() => Start(url));
        taken.Stop();
        await using var server = await Start(url);
    }

    private Task<SparekeyServer> Start(string url, Func<ServerOptions, ServerOptions>? change = null)
    {
        var options = new ServerOptions(Path.Combine(_folder, "data"), [url])
        {
            Origin = new Uri(url), Time = new FakeTimeProvider(), CallsPerMinute = 0, MoreDoors = ServerFixture.Map,
        };
        return SparekeyServer.Start(change?.Invoke(options) ?? options, CancellationToken.None);
    }
}
