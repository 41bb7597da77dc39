using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Sparekey.Server.Hosting;

/// <summary>An address of <c>--urls</c>: <c>http://</c> or <c>https://</c>, an IP address, <c>localhost</c> or <c>*</c>, a port.</summary>
/// <param name="Host">The IP address; null for <c>localhost</c>, any for <c>*</c>.</param>
/// <param name="Port">The port.</param>
/// <param name="IsHttps">Whether it is encrypted.</param>
internal sealed record ListenAddress(IPAddress? Host, int Port, bool IsHttps)
{
    /// <summary>Reads an address.</summary>
    /// <param name="url">The address.</param>
    /// <exception cref="SettingsException">It is none. A name is none either: which of its addresses would be meant?</exception>
    public static ListenAddress Parse(string url)
    {
        var isForAll = url.Contains("//*", StringComparison.Ordinal);
        if (!Uri.TryCreate(url.Replace("//*", "//0.0.0.0", StringComparison.Ordinal), UriKind.Absolute, out var uri)
            || uri.Scheme is not ("http" or "https") || uri.PathAndQuery != "/" || uri.Fragment.Length > 0 || uri.UserInfo.Length > 0)
        {
            throw No(url);
        }

        var isHttps = uri.Scheme == Uri.UriSchemeHttps;
        return isForAll ? new ListenAddress(IPAddress.IPv6Any, uri.Port, isHttps)
            : uri.Host == "localhost" ? new ListenAddress(null, uri.Port, isHttps)
            : IPAddress.TryParse(uri.Host.Trim('[', ']'), out var ip) ? new ListenAddress(ip, uri.Port, isHttps)
            : throw No(url);
    }

    /// <summary>Listens there.</summary>
    /// <param name="kestrel">The listener.</param>
    /// <param name="certificate">The certificate, where it is encrypted.</param>
    public void Open(KestrelServerOptions kestrel, ServerCertificate? certificate)
    {
        if (Host is null)
        {
            kestrel.ListenLocalhost(Port, Encrypt);
        }
        else if (Host.Equals(IPAddress.IPv6Any))
        {
            kestrel.ListenAnyIP(Port, Encrypt);
        }
        else
        {
            kestrel.Listen(Host, Port, Encrypt);
        }

        void Encrypt(ListenOptions listen)
        {
            if (IsHttps)
            {
                listen.UseHttps(https => (https.ServerCertificate, https.ServerCertificateChain) = (certificate!.Leaf, certificate.Chain));
            }
        }
    }

    private static SettingsException No(string url) =>
        new($"--urls: {url} is not an address like http://127.0.0.1:4800; the host is an IP address, localhost or *.");
}
