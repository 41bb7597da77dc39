using System.Net;
using System.Net.Sockets;
using System.Text;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Tests.Delivery;

public sealed class EgressTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("100.127.255.255")]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.8")]
    [InlineData("192.0.2.1")]
    [InlineData("192.88.99.1")]
    [InlineData("192.168.0.1")]
    [InlineData("198.18.0.1")]
    [InlineData("198.51.100.1")]
    [InlineData("203.0.113.1")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::127.0.0.1")]
    [InlineData("64:ff9b::10.0.0.1")]
    [InlineData("100::1")]
    [InlineData("2001::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("3fff::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12::1")]
    [InlineData("fe80::1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public void Is_not_public(string address) => Egress.IsPublic(IPAddress.Parse(address)).ShouldBeFalse();

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("100.63.0.1")]
    [InlineData("172.32.0.1")]
    [InlineData("192.0.1.1")]
    [InlineData("::ffff:1.1.1.1")]
    [InlineData("2600::1")]
    [InlineData("2001:4860:4860::8888")]
    public void Is_public(string address) => Egress.IsPublic(IPAddress.Parse(address)).ShouldBeTrue();

    [Fact]
    public async Task Calls_nothing_inside_that_is_not_listed_and_nothing_else_without_tls()
    {
        using var inside = new Inside("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        using var closed = new Egress(new EgressOptions());
        using var open = new Egress(new EgressOptions { PrivateHosts = ["127.0.0.1"] });

        (await Should.ThrowAsync<HttpRequestException>(() => closed.Client.GetAsync(inside.Url))).Message.ShouldContain("https");
        (await Should.ThrowAsync<HttpRequestException>(() => closed.Client.GetAsync(new UriBuilder(inside.Url) { Scheme = "https" }.Uri)))
            .ToString().ShouldContain("not called");
        await Should.ThrowAsync<HttpRequestException>(() => open.Client.GetAsync(new UriBuilder(inside.Url) { Host = "localhost" }.Uri));
        inside.Calls.ShouldBe(0);

        (await open.Client.GetStringAsync(inside.Url)).ShouldBe("hi");
        inside.Calls.ShouldBe(1);
    }

    [Fact]
    public async Task Follows_no_redirect_and_keeps_no_cookie()
    {
        using var inside = new Inside("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        using var egress = new Egress(new EgressOptions { PrivateHosts = ["127.0.0.1"] });

        (await egress.Client.GetAsync(inside.Url)).StatusCode.ShouldBe(HttpStatusCode.Redirect);
        (await egress.Client.GetAsync(inside.Url)).StatusCode.ShouldBe(HttpStatusCode.Redirect);
        inside.Said.ShouldNotContain("a=b");
    }

    [Fact]
    public async Task Reads_no_answer_without_end()
    {
        var size = Egress.LongestAnswer + 1;
        using var inside = new Inside($"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{new string('x', size)}");
        using var egress = new Egress(new EgressOptions { PrivateHosts = ["127.0.0.1"] });

        await Should.ThrowAsync<HttpRequestException>(() => egress.Client.GetStringAsync(inside.Url));
    }

    [Fact]
    public async Task Says_of_who_hangs_up_at_once_what_it_says_of_who_is_not_there()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start(512);
        var hangUps = Task.Run(() =>
        {
            try
            {
                while (true)
                {
                    listener.AcceptSocket().Close(0);
                }
            }
            catch (SocketException)
            {
                // The test is over.
            }
        });
        using var egress = new Egress(new EgressOptions { PrivateHosts = ["127.0.0.1"] });
        var url = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");

        await Parallel.ForEachAsync(Enumerable.Range(0, 2000), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (_, cancellationToken) =>
            await Should.ThrowAsync<HttpRequestException>(() => egress.Client.GetAsync(url, cancellationToken)));
        listener.Stop();
        await hangUps;
    }

    // Something on the machine that answers everybody the same.
    private sealed class Inside : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly StringBuilder _said = new();

        public Inside(string answer)
        {
            _listener.Start();
            _ = Serve(Encoding.ASCII.GetBytes(answer));
        }

        public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

        public int Calls { get; private set; }

        public string Said => _said.ToString();

        public void Dispose() => _listener.Dispose();

        private async Task Serve(byte[] answer)
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync();
                    Calls++;
                    var stream = client.GetStream();
                    var buffer = new byte[4096];
                    _said.Append(Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer)));
                    await stream.WriteAsync(answer);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
            {
                // The test is over.
            }
        }
    }
}
