using System.Net;
using System.Net.Sockets;
using Ocellus.Commands;
using Ocellus.Hosting.Placement;
using Ocellus.Identity;

namespace Ocellus.Tests.Commands;

public sealed class MachineCheckTests
{
    [Fact]
    public async Task An_address_that_another_program_has_is_a_problem_and_one_that_Ocellus_has_a_warning()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var taken = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
        Assert.Equal(FindingState.Problem, (await MachineCheck.PortAsync(taken, TestContext.Current.CancellationToken)).State);

        await using var server = await TestServer.StartAsync();
        var own = await MachineCheck.PortAsync(server.BaseAddress.GetLeftPart(UriPartial.Authority), TestContext.Current.CancellationToken);
        Assert.Equal(FindingState.Warning, own.State);
        Assert.NotNull(own.Advice);
        Assert.Equal(FindingState.Warning, MachineCheck.Data(server.DataPath).State);
        Assert.Equal(FindingState.Ok, (await MachineCheck.PortAsync("http://127.0.0.1:0", TestContext.Current.CancellationToken)).State);
    }

    [Fact]
    public void A_folder_that_is_not_there_yet_can_be_made_and_nothing_is_left_behind()
    {
        var top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;
        try
        {
            var data = Path.Combine(top, "a", "b");
            Assert.Equal(FindingState.Ok, MachineCheck.Data(data).State);
            Assert.Equal(FindingState.Ok, MachineCheck.Clock(data).State);
            Assert.Equal(FindingState.Ok, MachineCheck.Backbone().State);
            Assert.NotEmpty(MachineCheck.Disk(data).Found);
            Assert.NotEmpty(MachineCheck.Memory().Found);
            Assert.Empty(Directory.EnumerateFileSystemEntries(top));
        }
        finally
        {
            Directory.Delete(top, recursive: true);
        }
    }
}
