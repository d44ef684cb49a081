using Overlay.Encap.Linux.Gate;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Tests.Linux.Gate;

public sealed class FileDescriptorTests
{
    [Fact]
    public void Dispose_closes_the_descriptor()
    {
        // A name of its own, so that no other test can open the same number meanwhile and be mistaken for it.
        string path = Path.GetTempFileName();
        try
        {
            Syscall.Open(System.Text.Encoding.UTF8.GetBytes(path + '\0'), O_RDONLY, out FileDescriptor? descriptor);
            Assert.Equal(1, LinksTo(path));
            descriptor!.Dispose();
            Assert.Equal(0, LinksTo(path));
            descriptor.Dispose();
            Assert.True(descriptor.IsClosed);
            Assert.Throws<ObjectDisposedException>(() => Syscall.Read(descriptor, new byte[1]));
        }
        finally { File.Delete(path); }
    }

    [Fact]
    public void Dispose_during_a_loan_closes_at_the_end_of_it()
    {
        string path = Path.GetTempFileName();
        try
        {
            Syscall.Open(System.Text.Encoding.UTF8.GetBytes(path + '\0'), O_RDONLY, out FileDescriptor? descriptor);
            using (descriptor!.Borrow())
            {
                descriptor.Dispose();
                Assert.Equal(1, LinksTo(path));
            }
            Assert.Equal(0, LinksTo(path));
        }
        finally { File.Delete(path); }
    }

    [Fact]
    public void Descriptors_are_closed_on_exec()
    {
        using ShutdownSignal signal = new();
        Syscall.Socket(AF_INET, SOCK_DGRAM, 0, out FileDescriptor? socket);
        Syscall.Open("/dev/null\0"u8, O_RDONLY, out FileDescriptor? file);
        using (socket)
        using (file)
        {
            foreach (FileDescriptor descriptor in (FileDescriptor[])[signal.Descriptor, socket!, file!])
            {
                using FileDescriptor.Loan loan = descriptor.Borrow();
                Assert.Equal(FD_CLOEXEC, fcntl(loan.Number, F_GETFD) & FD_CLOEXEC);
            }
        }
    }

    private static int LinksTo(string path) => Directory.GetFiles("/proc/self/fd").Count(link => Target(link) == path);

    private static string? Target(string link)
    {
        try { return File.ResolveLinkTarget(link, returnFinalTarget: false)?.FullName; }
        catch (IOException) { return null; } // closed by another test since it was listed
    }
}
