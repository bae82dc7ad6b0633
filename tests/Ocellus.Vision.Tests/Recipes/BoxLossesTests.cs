using Ocellus.Vision.Recipes;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class BoxLossesTests
{
    [Theory]
    [InlineData(new float[] { 0, 0, 2, 2 }, new float[] { 0, 0, 2, 2 }, 1, 1)]
    [InlineData(new float[] { 0, 0, 2, 2 }, new float[] { 1, 1, 3, 3 }, 1 / 7.0, 1 / 7.0 - 2 / 9.0)] // hull 9, union 7
    [InlineData(new float[] { 0, 0, 1, 1 }, new float[] { 3, 0, 4, 1 }, 0, -.5)] // hull 4, union 2
    [InlineData(new float[] { 0, 0, 4, 4 }, new float[] { 1, 1, 3, 3 }, .25, .25)] // inside: the hull is the union
    public void Iou_and_giou_by_hand(float[] a, float[] b, double iou, double giou)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(iou, BoxLosses.Iou(tensor(a, [1, 4]), tensor(b, [1, 4])).item<float>(), 1e-5);
        Assert.Equal(giou, BoxLosses.Giou(tensor(a, [1, 4]), tensor(b, [1, 4])).item<float>(), 1e-5);
    }

    [Fact]
    public void Boxes_that_do_not_touch_are_pulled_together()
    {
        using var scope = NewDisposeScope();
        Tensor box = tensor(new float[] { 0, 0, 1, 1 }, [1, 4], requires_grad: true);
        (1 - BoxLosses.Giou(box, tensor(new float[] { 3, 0, 4, 1 }, [1, 4]))).sum().backward();
        Assert.True(box.grad![0, 2].item<float>() < 0); // a larger x2 lowers the loss
        Assert.Equal(0, box.grad[0, 1].item<float>() + box.grad[0, 3].item<float>(), 1e-5); // up and down are alike
    }

    [Fact]
    public void Other_shapes_are_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => BoxLosses.Giou(zeros(2, 4), zeros(3, 4)));
        Assert.Throws<ArgumentException>(() => BoxLosses.Iou(zeros(2, 5), zeros(2, 5)));
    }
}
