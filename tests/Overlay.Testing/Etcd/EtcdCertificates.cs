using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overlay.Testing.Etcd;

/// <summary>A certificate authority of its own for one test, and files of certificates it has signed. Valid for a day, for 127.0.0.1 only, where nothing else is asked for.</summary>
public sealed class EtcdCertificates : IDisposable
{
    private readonly string _directory;
    private readonly X509Certificate2 _authority;

    /// <summary>Makes an authority; files go into <paramref name="directory"/>.</summary>
    public EtcdCertificates(string directory, string name = "ca")
    {
        _directory = directory;
        Directory.CreateDirectory(directory);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        CaFile = Write($"{name}.pem", _authority.ExportCertificatePem());
    }

    /// <summary>Path of the authority's certificate.</summary>
    public string CaFile { get; }

    /// <summary>Signs a certificate for servers and clients alike and writes it and its key.</summary>
    /// <param name="name">Common name, and stem of the file names.</param>
    /// <param name="address">The address it is for; 127.0.0.1 by default.</param>
    /// <param name="expired">Valid until a minute ago.</param>
    /// <param name="life">Or for so long from now on.</param>
    public (string CertFile, string KeyFile) Issue(string name, IPAddress? address = null, bool expired = false, TimeSpan? life = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(address ?? IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 certificate = request.Create(
            _authority, now.AddMinutes(-50), expired ? now.AddMinutes(-1) : now + (life ?? TimeSpan.FromHours(20)), RandomNumberGenerator.GetBytes(8));
        string keyFile = Write($"{name}-key.pem", key.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(keyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return (Write($"{name}.pem", certificate.ExportCertificatePem()), keyFile);
    }

    /// <summary>Releases the authority's key; the files stay.</summary>
    public void Dispose() => _authority.Dispose();

    private string Write(string name, string pem)
    {
        string path = Path.Combine(_directory, name);
        File.WriteAllText(path, pem + "\n");
        return path;
    }
}
