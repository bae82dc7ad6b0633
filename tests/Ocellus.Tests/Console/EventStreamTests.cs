using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Tests.Hosting;

namespace Ocellus.Tests.Console;

/// <summary>What an open page hears.</summary>
public sealed class EventStreamTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_page_hears_each_state_of_a_model()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.TrainedVersionAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        using var events = await Events.OpenAsync(client);

        await server.StartVersionAsync(arn);
        await events.UntilAsync(e => e.Name == "item" && e.Status(arn) == "RUNNING");
        await server.StopVersionAsync(arn);
        await events.UntilAsync(e => e.Status(arn) == "STOPPED");
        await server.CallAsync("DeleteProjectVersion", JsonSerializer.Serialize(new { ProjectVersionArn = arn }));
        await events.UntilAsync(e => e.Status(arn) == "GONE");
    }

    [Fact]
    public async Task Nobody_hears_what_they_may_not_describe()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.TrainedVersionAsync();
        var keys = server.Services.GetRequiredService<KeyCatalog>();
        var looker = NamedPolicy.Of(
            "look", """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"rekognition:DescribeProjects","Resource":"*"}]}""");
        var made = await keys.CreateAsync("anna", "123456789012", [looker], isDefault: false, Cancel);
        var other = await keys.CreateAsync("olga", "999999999999", [ManagedPolicies.Get("administrator")], isDefault: false, Cancel);
        using var events = await Events.OpenAsync(await ConsoleClient.SignedInAsync(server, new(made.AccessKeyId, made.SecretAccessKey)));
        using var elsewhere = await Events.OpenAsync(await ConsoleClient.SignedInAsync(server, new(other.AccessKeyId, other.SecretAccessKey)));

        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        await server.CallAsync("CreateProject", """{"ProjectName":"last"}""");
        await server.CallAsync("CreateProject", """{"ProjectName":"last"}"""u8.ToArray(), new(other.AccessKeyId, other.SecretAccessKey));

        Assert.DoesNotContain(await events.UntilAsync(e => e.Data.Contains("project/last/", StringComparison.Ordinal)), e => e.Status(arn) is not null);
        Assert.DoesNotContain(
            await elsewhere.UntilAsync(e => e.Data.Contains("project/last/", StringComparison.Ordinal)),
            e => e.Data.Contains("123456789012", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_revoked_key_hears_no_more()
    {
        await using var server = await TestServer.StartAsync();
        var keys = server.Services.GetRequiredService<KeyCatalog>();
        var made = await keys.CreateAsync("anna", "123456789012", [ManagedPolicies.Get("trainer")], isDefault: false, Cancel);
        using var events = await Events.OpenAsync(await ConsoleClient.SignedInAsync(server, new(made.AccessKeyId, made.SecretAccessKey)));
        await keys.RevokeAsync(made.AccessKeyId, Cancel);
        await events.UntilAsync(e => e.Name == "signed-out");
        Assert.True(await events.HasEndedAsync());
    }

    [Fact]
    public async Task A_stopping_server_does_not_wait_for_open_pages()
    {
        var server = await TestServer.StartAsync();
        using var events = await Events.OpenAsync(await ConsoleClient.SignedInAsync(server));
        // Would not end before the host's limit, which is longer than the tests' patience.
        await server.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancel);
    }

    private sealed record Event(string Name, string Data)
    {
        public string? Status(string arn) =>
            Name == "item" && JsonSerializer.Deserialize<JsonElement>(Data) is var item && item.GetProperty("arn").GetString() == arn
                ? item.GetProperty("status").GetString()
                : null;
    }

    private sealed class Events(HttpResponseMessage response, StreamReader reader) : IDisposable
    {
        public static async Task<Events> OpenAsync(ConsoleClient client)
        {
            var response = await client.GetAsync("/ui/api/events");
            Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
            var events = new Events(response, new(await response.Content.ReadAsStreamAsync(Cancel)));
            await events.UntilAsync(e => e.Name == "hello");
            return events;
        }

        /// <summary>All events up to the first that matches.</summary>
        public async Task<List<Event>> UntilAsync(Func<Event, bool> last)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            patience.CancelAfter(TimeSpan.FromSeconds(60));
            var (read, name) = (new List<Event>(), "");
            while (read.Count == 0 || !last(read[^1]))
            {
                var line = await reader.ReadLineAsync(patience.Token) ?? throw new EndOfStreamException($"the stream ended after {read.Count} events");
                if (line.StartsWith("event: ", StringComparison.Ordinal))
                {
                    name = line[7..];
                }
                else if (line.StartsWith("data: ", StringComparison.Ordinal))
                {
                    read.Add(new(name, line[6..]));
                }
            }

            return read;
        }

        public async Task<bool> HasEndedAsync() => (await reader.ReadToEndAsync(Cancel)).Trim().Length == 0;

        public void Dispose()
        {
            reader.Dispose();
            response.Dispose();
        }
    }
}
